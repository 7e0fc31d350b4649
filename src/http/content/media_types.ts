/**
 * Media types by file name. Essence only: no `charset`, so that a page's own declaration stands.
 *
 * @module
 */
import { MEDIA_TYPE_TABLE } from "./media_type_table.ts";

/** What a file is that says nothing better about itself. */
const UNKNOWN_MEDIA_TYPE = "application/octet-stream";

let byExtension: Map<string, string> | undefined;

/**
 * The media type that the extension of a file name stands for, without regard to case.
 *
 * @param name A file name, or a path that ends with one.
 * @returns {@linkcode UNKNOWN_MEDIA_TYPE} when there is no extension or it is not known.
 */
export function mediaType(name: string): string {
  const dot = name.lastIndexOf(".");
  // The dot of ".profile" begins a name, not an extension.
  if (dot <= name.lastIndexOf("/") + 1) return UNKNOWN_MEDIA_TYPE;
  byExtension ??= readTable();
  return byExtension.get(name.slice(dot + 1).toLowerCase()) ?? UNKNOWN_MEDIA_TYPE;
}

function readTable(): Map<string, string> {
  const types = new Map<string, string>();
  for (const line of MEDIA_TYPE_TABLE.split("\n")) {
    const [type, ...extensions] = line.split(" ");
    for (const extension of extensions) types.set(extension, type);
  }
  return types;
}
