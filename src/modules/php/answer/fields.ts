/** Which fields of a script's answer go on to the client (spec 07 section 14). @module */
import type { Fields } from "../../../http/fields.ts";

/** Fields of the connection, which the gateway's codecs write themselves. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Takes out the fields of the connection, those that `Connection` names, and those that are hidden. */
export function stripFields(fields: Fields, hidden: readonly string[]): void {
  const listed = fields.joined("connection")?.toLowerCase().split(",") ?? [];
  for (const name of listed) fields.delete(name.trim());
  for (const name of HOP_BY_HOP) fields.delete(name);
  for (const name of hidden) fields.delete(name);
}

/** The length that a script gives its body; `undefined` where it gives none that can be read. */
export function declaredLength(fields: Fields): number | undefined {
  const values = fields.all("content-length");
  if (values.length === 0 || values.some((value) => value !== values[0])) return undefined;
  return /^\d{1,15}$/.test(values[0]) ? Number(values[0]) : undefined;
}
