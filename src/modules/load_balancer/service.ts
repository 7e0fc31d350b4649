/** Entry of the thread of the balancer. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { balancer } from "./balancer.ts";

runService(balancer);
