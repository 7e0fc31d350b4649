/** Entry of the control service of profile `privacy`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { control } from "../modules/control/control.ts";
import { runService } from "../runtime/threads/service_thread.ts";

runService(control);
