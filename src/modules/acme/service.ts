/** Entry of the thread of the service `acme`. @module */
// First of all: no module may find what no permission guards.
import "../../runtime/permissions/unguarded.ts";

import { unixSockets } from "../../net/listen/unix.ts";
import { runServiceWith } from "../../runtime/threads/service_thread.ts";
import { acme } from "./acme_service.ts";

runServiceWith(unixSockets, acme);
