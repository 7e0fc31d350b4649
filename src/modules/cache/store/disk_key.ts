/** Names of objects on disk. @module */
import { fullKey, primaryOf } from "../key/key.ts";
import type { ObjectMeta } from "./meta.ts";

/** The full key of an object. */
export function keyOf(
  userTag: string,
  { loose, part, scheme, port, variance }: ObjectMeta,
): string {
  return fullKey(userTag, primaryOf(loose + part, scheme, port), Uint8Array.fromHex(variance));
}
