/** Entry of the thread of the service for passwords. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { auth } from "./auth_service.ts";

runService(auth);
