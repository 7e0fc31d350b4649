/** PHP in workers (spec 07): what answers is loaded where a configuration has PHP. @module */
import { IDLE } from "../../gateway/idle_module.ts";
import type { EdgeModule } from "../../gateway/module.ts";
import { SPAN_ATTRIBUTES } from "../../gateway/reports/span_attribute.ts";
import { FILE_RULES } from "../web/edge.ts";
import { fileRule } from "./file_rule.ts";
import { outcomeOf } from "./answer/outcome.ts";
import { phpTables } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "php-fpm",
  extends: [
    FILE_RULES.entry(fileRule),
    SPAN_ATTRIBUTES.entry({
      key: "fluxheim.php.runtime",
      of: (exchange) => outcomeOf(exchange) === "" ? undefined : "php-fpm",
    }),
    SPAN_ATTRIBUTES.entry({
      key: "fluxheim.php.outcome",
      of: (exchange) => outcomeOf(exchange) || undefined,
    }),
  ],
  open: () => ({
    async start(context) {
      if (phpTables(context.config).next().done) return IDLE;
      const { RunningPhp } = await import("./running.ts");
      return new RunningPhp(context);
    },
  }),
};
