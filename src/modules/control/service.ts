/** Entry of the thread of the control service, in profiles that name none. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { unixSockets } from "../../net/listen/unix.ts";
import { runServiceWith } from "../../runtime/threads/service_thread.ts";
import { control } from "./control.ts";

runServiceWith(unixSockets, control);
