/** Entry of the control service of profile `full`. @module */
// First of all: no module may find what no permission guards.
import "../runtime/permissions/unguarded.ts";

import { control as admin } from "../modules/admin/control.ts";
import { control as cache } from "../modules/cache/control.ts";
import { control } from "../modules/control/control.ts";
import { control as loadBalancer } from "../modules/load_balancer/control.ts";
import { control as metrics } from "../modules/metrics/control.ts";
import { control as udp } from "../modules/udp/control.ts";
import { unixSockets } from "../net/listen/unix.ts";
import { runServiceWith } from "../runtime/threads/service_thread.ts";

runServiceWith(unixSockets, metrics, udp, cache, loadBalancer, control, admin);
