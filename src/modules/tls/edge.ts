/** TLS at work: what listeners show and ask for (spec 05 section 3.1). @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { Config } from "../../config/types.ts";
import { contentOf } from "../../gateway/exchange/file_content.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import type { EdgeModule, Files } from "../../gateway/module.ts";
import { certificatesIn } from "../../net/tls/key_pair.ts";
import { sourcesOf } from "./sources.ts";
import { listenerTlsOf } from "./material.ts";
import { showTimes } from "./validity.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "tls",
  open: () => ({
    start({ config, files, metrics }) {
      const listenerTls = listenerTlsOf(config, files);
      if (listenerTls !== undefined && metrics !== NO_METRICS) showExpiry(config, files, metrics);
      return listenerTls === undefined ? IDLE : { ...IDLE, listenerTls };
    },
  }),
};

/** Levels for each certificate that the configuration names, by its key: nothing of the certificate is shown. */
function showExpiry(config: Config, files: Files, metrics: Metrics): void {
  for (const { paths, key } of sourcesOf(config)) {
    const [leaf] = certificatesIn(contentOf(files, paths.cert_path));
    showTimes(leaf, key, metrics);
  }
}
