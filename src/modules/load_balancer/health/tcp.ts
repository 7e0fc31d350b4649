/** A connection, and with `upstream_tls` a handshake by the rules of the pool (spec 03 section 12.3). @module */
import { dialed } from "./dialing.ts";
import { PASS, type ProbeProtocol } from "./probe.ts";

export const tcp: ProbeProtocol = {
  name: "tcp",
  open: (context) => ({
    check: (address) => dialed(context, address, () => Promise.resolve(PASS)),
  }),
};
