/**
 * What an answer says about a file: its fields and validators.
 *
 * @module
 */
import type { Validators } from "../../../http/content/conditional.ts";
import { formatHttpDate } from "../../../http/content/dates.ts";
import { Fields } from "../../../http/fields.ts";
import { mediaType } from "../../../http/content/media_types.ts";
import type { FileExtras, PageConfig } from "../schema.ts";
import { dispositionOf, ruleFor } from "./file_rule_set.ts";

/** The facts of one version of a file that answers are made of. Built once, then only read. */
export class Representation implements Validators {
  readonly etag: string;
  /** With the charset of text. */
  readonly mediaType: string;
  /** Most of it in one answer. */
  readonly maxBytes: number;
  /** Most ranges of it in one answer. */
  readonly maxRanges: number;
  /** Whole seconds, as `Last-Modified` says. */
  readonly modifiedMs: number;
  /** The fields of a whole answer, without `content-length`, which the codec adds (spec 02 section 7.2). */
  readonly #fields = new Fields();

  /**
   * @param path Of the file, absolute.
   * @param index Its name, where it answers for its directory; `""` where it was asked for by it.
   * @param length In bytes.
   * @param modifiedMs Last change: milliseconds since 1970.
   * @param contentTag A strong tag, where one was made of the content.
   */
  constructor(
    web: PageConfig & Partial<FileExtras>,
    readonly path: string,
    readonly index: string,
    readonly length: number,
    modifiedMs: number,
    contentTag?: string,
  ) {
    this.mediaType = withCharset(mediaType(path), web.charset);
    this.maxBytes = web.max_file_bytes ?? Infinity;
    this.maxRanges = web.max_ranges ?? 1;
    const rule = ruleFor(web.files, web.root === "/" ? path : path.slice(web.root.length));
    this.etag = contentTag ?? weakTag(length, modifiedMs);
    this.modifiedMs = Math.floor(modifiedMs / 1000) * 1000;
    const fields = this.#fields;
    fields.append("content-type", this.mediaType);
    fields.append("cache-control", rule?.cache_control ?? web.cache_control);
    const expires = rule?.expires ?? web.expires;
    if (expires !== undefined) fields.append("expires", expires);
    const disposition = dispositionOf(rule, path);
    if (disposition !== undefined) fields.append("content-disposition", disposition);
    fields.append("last-modified", formatHttpDate(this.modifiedMs));
    fields.append("accept-ranges", "bytes");
    fields.append("etag", this.etag);
  }

  /** The fields of an answer with the file, or a part of it; a copy, later steps may change it. */
  fields(): Fields {
    return this.#fields.clone();
  }

  /** The fields of a 304: those a cache is to update (RFC 9110 section 15.4.5). */
  notModifiedFields(): Fields {
    const fields = this.#fields.clone();
    fields.delete("content-type");
    fields.delete("accept-ranges");
    fields.delete("content-disposition");
    return fields;
  }
}

/** Types beside `text/*` have a fixed charset, or say it in themselves. */
function withCharset(type: string, charset: string): string {
  return charset !== "" && type.startsWith("text/") ? `${type}; charset=${charset}` : type;
}

/**
 * `W/"<length>-<seconds>-<nanoseconds>"` in hexadecimal (spec 02 section 7.2). The runtime has the
 * time of a change to the millisecond; the last six digits of the nanoseconds are zero.
 */
function weakTag(length: number, modifiedMs: number): string {
  const seconds = Math.floor(modifiedMs / 1000);
  const nanos = Math.floor(modifiedMs - seconds * 1000) * 1_000_000;
  // A time before 1970 gives a minus sign, which is as good in a tag as any other character.
  return `W/"${length.toString(16)}-${seconds.toString(16)}-${nanos.toString(16)}"`;
}
