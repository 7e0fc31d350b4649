/** TLS at work: what listeners show and ask for (spec 05 section 3.1). @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule } from "../../gateway/module.ts";
import { listenerTlsOf } from "./material.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "tls",
  open: () => ({
    start({ config, files }) {
      const listenerTls = listenerTlsOf(config, files);
      return listenerTls === undefined ? IDLE : { ...IDLE, listenerTls };
    },
  }),
};
