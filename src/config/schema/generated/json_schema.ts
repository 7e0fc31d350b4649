/**
 * JSON Schema of a configuration file, for editors.
 *
 * @module
 */
import { z } from "zod";
import { assemble } from "../assemble.ts";
import { bare, type Schema, shapeOf } from "../schema_walk.ts";
import type { TableSchema } from "../../types.ts";
import { kindOf } from "../values.ts";

/**
 * The schema (draft 2020-12) of what an operator may write with the modules of this build. Rules that
 * span keys are not in it: an editor helps writing, the loader decides.
 */
export function jsonSchema(tables: readonly TableSchema[]): Record<string, unknown> {
  const schema = z.toJSONSchema(assemble(tables), {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => complete(zodSchema, jsonSchema),
  });
  return {
    ...schema,
    title: "Fluxheim configuration",
    description: "A Fluxheim configuration file. Unknown keys are refused.",
  };
}

/** Adds what zod cannot know: what a value's kind allows, and defaults of values that are transformed. */
function complete(schema: Schema, json: z.core.JSONSchema.BaseSchema): void {
  const { fallback } = bare(schema);
  if (shapeOf(schema).kind === "table") delete json.default;
  else if (fallback !== undefined) json.default = fallback;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.minItems === 0) delete json.minItems;
  const allowed = kindOf(schema)?.allowed;
  if (allowed === undefined) return;
  const sentence = `Allowed: ${allowed}.`;
  if (json.description === undefined) json.description = sentence;
  else if (!json.description.endsWith(sentence)) json.description += ` ${sentence}`;
}
