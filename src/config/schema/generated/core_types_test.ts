/** The written types of the gateway's own tables are those of their schemas. */
import assert from "node:assert/strict";
import type { z } from "zod";
import type { CoreRoute, CoreVhost, LoggingConfig, ServerConfig } from "../core_tables.ts";
import { coreTypes } from "./core_types.ts";
import type { Frozen } from "../../frozen.ts";
import type { loggingSchema } from "../logging_schema.ts";
import type { serverSchema } from "../server_schema.ts";
import type { routeShape, vhostShape } from "../vhost_schema.ts";

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false;
type Output<Schema extends z.ZodType> = Frozen<z.output<Schema>>;

Deno.test("what a schema gives is what its written type says, and nothing else", () => {
  // Checked by the compiler; `deno task docs` writes the types again where one is wrong.
  const same: [
    Same<ServerConfig, Output<typeof serverSchema>>,
    Same<LoggingConfig, Output<typeof loggingSchema>>,
    Same<CoreRoute, Output<z.ZodObject<typeof routeShape>>>,
    Same<CoreVhost, Output<z.ZodObject<typeof vhostShape>>>,
  ] = [true, true, true, true];
  assert.ok(same.every(Boolean));
});

Deno.test("every key of a written type says what it means", () => {
  const lines = coreTypes().split("\n");
  const bare = lines.filter((line, i) =>
    line.startsWith("readonly ") && !lines[i - 1].endsWith("*/")
  );
  assert.deepEqual(bare, []);
});
