/** Entry of the thread of the control service in builds that may write nothing. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { runService } from "../../runtime/threads/service_thread.ts";
import { control } from "./control.ts";

runService(control(undefined));
