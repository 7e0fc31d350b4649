/** Entry of the control service of profile `proxy`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { control as admin } from "../modules/admin/control.ts";
import { control } from "../modules/control/control.ts";
import { unixSockets } from "../net/listen/unix.ts";
import { runServiceWith } from "../runtime/threads/service_thread.ts";

runServiceWith(unixSockets, control, admin);
