/** Files that take the place of the gateway's own answers (spec 02 section 7.6). @module */
import type { Body } from "../../http/body.ts";
import type { Fields } from "../../http/fields.ts";
import { SILENT } from "../../gateway/reports/log_none.ts";
import type { SnapshotContext } from "../../gateway/module.ts";
import { Memory } from "./files/memory.ts";
import type { PageConfig } from "./schema.ts";
import { Site } from "./site.ts";

/** A file that takes the place of an answer of the gateway's own. */
export interface ErrorPage {
  /** The caller's own; without `content-length`. */
  readonly fields: Fields;
  /** To be read to its end or cancelled, as every body. */
  readonly body: Uint8Array | Body;
}

/** Larger files are no error pages (spec 02 section 7.6). */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
const NEVER_WATCHED = { changes: 0 };
const WALL = {
  get now(): number {
    return performance.now();
  },
};
const PAGE_CONTEXT = { clock: WALL, log: SILENT, watch: NEVER_WATCHED };

/** What the worker of `context` remembers of the disk. */
export function memoryOf({ keep }: Pick<SnapshotContext, "keep">): Memory {
  return keep("web/memory", () => new Memory());
}

/** The site that the pages of `web` are read from; it lives as long as a snapshot has the same table. */
export function pageSite(context: Pick<SnapshotContext, "keep">, web: PageConfig): Site {
  const memory = memoryOf(context);
  const key = `web/pages ${JSON.stringify(web)}`;
  return context.keep(key, () => new Site(web, { ...PAGE_CONTEXT, memory }));
}

/**
 * The page for an error of the gateway (spec 02 section 7.6). Conditions and ranges of the request
 * play no part, its status is the caller's.
 *
 * @param site That of the `web` table of an entry of `proxy.error_pages`.
 * @param path Its `path`.
 * @returns `undefined` when the page is missing, cannot be read or is larger than 64 MiB.
 */
export function errorPage(site: Site, path: string): ErrorPage | undefined {
  let content;
  try {
    content = site.content(path);
  } catch {
    return undefined;
  }
  if (content === undefined) return undefined;
  const { length } = content.representation;
  if (length > MAX_PAGE_BYTES) {
    content.discard();
    return undefined;
  }
  const fields = content.representation.fields();
  // They are of the page, and would be taken for those of what was asked for.
  for (const name of ["etag", "last-modified", "accept-ranges"]) fields.delete(name);
  return { fields, body: content.part(0, length) };
}

/**
 * Why {@linkcode errorPage} would find nothing to send, as the rest of a sentence that begins with the
 * path; `undefined` when there is a page.
 */
export function pageFault(web: PageConfig, path: string): string | undefined {
  const site = new Site(web, { ...PAGE_CONTEXT, memory: new Memory() });
  try {
    const content = site.content(path);
    content?.discard();
    if (content === undefined) return `is no file below ${web.root}`;
    return content.representation.length > MAX_PAGE_BYTES ? "is larger than 64 MiB" : undefined;
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
