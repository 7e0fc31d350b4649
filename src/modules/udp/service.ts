/** Entry of the thread of the service `udp`. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { udp } from "./udp_service.ts";

runService(udp);
