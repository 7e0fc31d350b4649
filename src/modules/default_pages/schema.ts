/** `server.default_pages`. Ours, beyond the 1.5 line. @module */
import { z } from "zod";

/** `server.default_pages`. */
export const defaultPagesSchema = z.boolean().default(true).describe(
  "Answer refusals and failures of the gateway's own with a small HTML page where the client accepts " +
    "HTML, as browsers do. Other clients get the text.",
);

declare module "../../config/schema/core_tables.ts" {
  interface ServerConfig {
    readonly default_pages?: boolean;
  }
}
