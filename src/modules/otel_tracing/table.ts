/** The `[tracing]` table. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import type { TracingConfig } from "./schema.ts";

/** The table, if it is switched on. */
export function tracingOf({ tracing }: Pick<ConfigPart, "tracing">): TracingConfig | undefined {
  return tracing?.enabled === true ? tracing as TracingConfig : undefined;
}

export { RandomIds } from "./trace_fields.ts";
