/** Names of objects on disk. @module */
import { fullKey, primaryOf } from "../key/key.ts";
import type { ObjectMeta } from "./meta.ts";

/** The full key of an object. */
export function keyOf(userTag: string, { loose, scheme, port, variance }: ObjectMeta): string {
  return fullKey(userTag, primaryOf(loose, scheme, port), Uint8Array.fromHex(variance));
}
