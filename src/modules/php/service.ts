/** Entry of the thread of the service `php`. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { php } from "./managed/php_service.ts";

runService(php);
