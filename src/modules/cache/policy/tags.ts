/**
 * Tags that objects are purged by (spec 04 section 5.5).
 *
 * @module
 */
import type { ReadonlyFields } from "../../../http/fields.ts";

const MAX_TAGS = 64;
const MAX_BYTES = 4096;

/** Whether `text` can be a tag. */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_.:/=-]{1,128}$/.test(text);
}

/** The tags of an answer, in their order. Those past the bounds are dropped. */
export function tagsOf(fields: ReadonlyFields, tagHeaders: ReadonlySet<string>): readonly string[] {
  if (tagHeaders.size === 0) return [];
  const { names, values } = fields;
  const tags = new Set<string>();
  let bytes = 0;
  for (let i = 0; i < names.length; i++) {
    if (!tagHeaders.has(names[i])) continue;
    for (const tag of values[i].split(/[,\s]+/)) {
      if (!isTag(tag) || tags.has(tag)) continue;
      if (tags.size === MAX_TAGS || bytes + tag.length > MAX_BYTES) return [...tags];
      tags.add(tag);
      bytes += tag.length;
    }
  }
  return [...tags];
}
