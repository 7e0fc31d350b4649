/** The `respond` table of routes: an answer that the configuration has itself. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { byteLength } from "../../config/read/text.ts";
import { headerValue, status, valueKinds } from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";

/** Longest text of an answer: more belongs into a file. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADERS = 32;

/** Fields that follow from the connection, the text, or another key. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Statuses that have no content (RFC 9110 section 15). */
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);

/** `[vhosts.routes.respond]`. */
export const respondSchema = z.strictObject({
  status: status({ min: 200, max: 599 }).default(200).describe("Status of the answer."),
  body: z.string().refine((text) => byteLength(text) <= MAX_BODY_BYTES, {
    error: `must be at most ${MAX_BODY_BYTES} bytes; serve a file for more`,
  }).register(valueKinds, { type: "text", allowed: "at most 64 KiB" }).default("")
    .describe("Text of the answer, as it is."),
  content_type: headerValue().default("text/plain; charset=utf-8")
    .describe("Type of the text; not sent without one."),
  headers: z.record(z.string(), headerValue()).default({})
    .describe("Fields of the answer by name. `headers.response` is applied as well."),
}).superRefine(({ status, body, headers }, context) => {
  const refuse = (path: string[], message: string) =>
    context.addIssue({ code: "custom", input: undefined, path, message });
  if (body !== "" && WITHOUT_CONTENT.has(status)) {
    refuse(["body"], `must be empty: an answer of status ${status} has no content`);
  }
  const names = Object.keys(headers);
  if (names.length > MAX_HEADERS) refuse(["headers"], `must have at most ${MAX_HEADERS} names`);
  for (const name of names) {
    const lower = name.toLowerCase();
    if (!isToken(name)) refuse(["headers", name], 'must be a header name such as "x-reason"');
    else if (OWN_FIELDS.has(lower)) {
      refuse(["headers", name], `must not be ${lower}, which the gateway writes itself`);
    } else if (names.some((other) => other !== name && other.toLowerCase() === lower)) {
      refuse(["headers", name], "must not be given twice, in another spelling");
    }
  }
});

/** A checked `respond` table. */
export type RespondConfig = Frozen<z.output<typeof respondSchema>>;

declare module "../../config/types.ts" {
  interface RouteTables {
    readonly respond?: RespondConfig;
  }
}
