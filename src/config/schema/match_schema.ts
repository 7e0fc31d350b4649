/** `[vhosts.routes.match]`: what a request must have beside its path. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import { isToken } from "../../http/chars.ts";
import type { Frozen } from "../frozen.ts";
import { hasControl } from "../read/text.ts";
import { ipMatcher, list, valueKinds } from "./values.ts";

const MAX_ENTRIES = 16;
const MAX_VALUE = 1024;
const MAX_NETWORKS = 256;

/** `[vhosts.routes.match]`. */
export const matchSchema = z.strictObject({
  headers: patterns("header", isToken)
    .describe('Fields by name: `{ x-beta = "1", user-agent = "Mozilla/*" }`.'),
  queries: patterns("query", isName).describe("Parameters of the query by name, decoded."),
  cookies: patterns("cookie", isToken).describe("Cookies by name."),
  clients: list(ipMatcher(), { max: MAX_NETWORKS, unique: "exact" }).default([])
    .describe("Effective client addresses and networks; empty: all."),
  scheme: z.enum(["http", "https"]).optional().describe("Cleartext or TLS."),
  protocols: list(z.enum(["http/1.0", "http/1.1", "h2"]), { max: 3, unique: "exact" }).default([])
    .describe("Versions of HTTP; empty: all."),
}).describe(
  "What a request must have beside path and method, all of it. A value is compared as it is; one `*` in it " +
    'stands for any characters, `"*"` for any value.',
);

/** A checked `match` table. */
export type MatchConfig = Frozen<z.output<typeof matchSchema>>;

function patterns(what: string, isRightName: (name: string) => boolean) {
  const value = z.string().refine(
    (text) =>
      text.length <= MAX_VALUE && !hasControl(text) && text.indexOf("*") === text.lastIndexOf("*"),
    { error: `must be at most ${MAX_VALUE} characters with at most one "*"` },
  ).register(valueKinds, { type: "pattern", allowed: 'at most one `"*"`' });
  return z.record(z.string(), value).default({}).superRefine((map, context) => {
    const names = Object.keys(map);
    if (names.length > MAX_ENTRIES) {
      const message = `must have at most ${MAX_ENTRIES} names`;
      context.addIssue({ code: "custom", input: names.length, path: [], message });
    }
    for (const name of names) {
      if (isRightName(name)) continue;
      const message = `must be the name of a ${what}`;
      context.addIssue({ code: "custom", input: name, path: [name], message });
    }
  });
}

function isName(name: string): boolean {
  return name !== "" && name.length <= MAX_VALUE && !hasControl(name);
}
