/**
 * Which keys a rule of a schema is about, beside the one that it refuses.
 *
 * @module
 */
import type { z } from "zod";
import type { Path } from "../schema/schema_walk.ts";

/** A key of a table that does not go together with others of it. */
export interface Refused {
  /** Of the table that is refined. */
  readonly key: string;
  readonly message: string;
  /** Its value, where the message is to show it. */
  readonly input?: unknown;
  /** Other keys of the same table that the rule is about; dotted for keys of tables in it. */
  readonly about: readonly string[];
}

/** Refuses a key of the table that `superRefine` looks at. */
export function refuseKey(
  context: z.RefinementCtx,
  { key, message, input, about }: Refused,
): void {
  context.addIssue({ code: "custom", input, path: [key], message, params: { about } });
}

/** The keys of an issue that {@linkcode refuseKey} made with the key at `path`. */
export function keysAbout(
  params: Readonly<Record<string, unknown>> | undefined,
  path: Path,
): readonly Path[] {
  const about: unknown = params?.about;
  if (!Array.isArray(about)) return [];
  return about.map((key) => [...path.slice(0, -1), ...String(key).split(".")]);
}
