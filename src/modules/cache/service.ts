/** Entry of the thread of the cache's service. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { store } from "./disk/store_service.ts";

runService(store);
