/**
 * The `web` tables: static files at the root, in a vhost, in a route (spec 02 section 7).
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import type { TableSchema } from "../../config/types.ts";
import {
  byteSize,
  filePath,
  hasControl,
  headerValue,
  list,
  secs,
  valueKinds,
} from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";
import { SYMLINKS } from "./files/links.ts";
import { extras } from "./extras_schema.ts";
import { DEFAULT_MEMORY } from "./defaults.ts";

const MAX_INDEX_FILES = 32;

const directoryListing = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Answer with a list of files where a directory has no index file."),
  exact_size: z.boolean().default(false).describe("Show sizes in bytes instead of `-`."),
  local_time: z.boolean().default(false)
    .describe("Show times in the server's time zone instead of GMT."),
});

const shape = {
  index_files: list(fileName(), { min: 1, max: MAX_INDEX_FILES }).default(["index.html"])
    .describe("Files that answer for their directory; the first that exists."),
  deny_dotfiles: z.boolean().default(true)
    .describe("Refuse paths with a segment that begins with a dot, but for `/.well-known/`."),
  deny_well_known: z.boolean().default(false)
    .describe("Refuse `/.well-known/` too, while `deny_dotfiles` is on."),
  max_file_bytes: byteSize().optional()
    .describe("Most bytes of a file in one answer, 413 else. Unset: no limit."),
  symlinks: z.enum(SYMLINKS).default("refuse")
    .describe(
      "Symbolic links that are followed: none, those whose owner owns what they lead to, or those " +
        "that lead to something below `root`. With either of these `root` may be a link itself.",
    ),
  charset: charset().default("utf-8")
    .describe('`charset` of files of type `text/*`; `""` sends none.'),
  cache_control: headerValue().default("public, max-age=60")
    .describe("`Cache-Control` of files."),
  expires: headerValue().optional().describe("`Expires` of files."),
  directory_listing: directoryListing.prefault({}),
};

const webSchema = z.strictObject({
  root: filePath({ mayBeLinked: true }).optional()
    .describe(
      "Directory with the files. Without it nothing is served. Must not go through symlinks unless " +
        "`symlinks` allows it.",
    ),
  precompressed: z.boolean().default(false)
    .describe("Send `page.html.br`, `.zst` or `.gz` for `page.html` to clients that accept it."),
  ...shape,
  ...extras,
});

/** The `web` table of an error page: as elsewhere, but `root` must be there, and nothing is cached. */
export const pageSchema = z.strictObject({
  root: filePath({ mayBeLinked: true }).describe(
    "Directory with the page. Must not go through symlinks unless `symlinks` allows it.",
  ),
  ...shape,
  cache_control: headerValue().default("private, no-store")
    .describe("`Cache-Control` of the page: an outage must not outlast itself in a cache."),
});

/**
 * Memory for files that are asked for again and again: ours, not in the 1.5 line. A table of its own,
 * because `[web]` means nothing where there are vhosts, and this is of the whole process.
 */
const memorySchema = z.strictObject({
  max_bytes: byteSize({ min: 0 }).default(DEFAULT_MEMORY.max_bytes)
    .describe("Most bytes of files to keep in memory, over all workers; 0 keeps none."),
  max_file_bytes: byteSize().default(DEFAULT_MEMORY.max_file_bytes)
    .describe("Larger files are not kept but read from the disk each time."),
  revalidate_secs: secs({ max: 3600 }).default(DEFAULT_MEMORY.revalidate_secs)
    .describe("How long a file is served from memory before the disk is asked whether it changed."),
}).prefault({});

/** The tables this module owns. */
export const webTables: readonly TableSchema[] = [
  {
    table: "web",
    scopes: ["root", "vhost", "route"],
    schema: webSchema,
    withoutVhosts: true,
    reload: "live",
  },
  {
    table: "web_memory",
    scopes: ["root"],
    schema: memorySchema,
    reload: "unclassified-process-state-changed",
  },
];

/** `[web]`, `[vhosts.web]` and `[vhosts.routes.web]`. */
export type WebConfig = Frozen<z.output<typeof webSchema>>;
/** A `web` table with a root: files are served from it. */
export type PageConfig = Frozen<z.output<typeof pageSchema>>;
/** `[web_memory]`. */
export type MemoryConfig = Frozen<z.output<typeof memorySchema>>;

/** What a `web` table of a vhost or route has beside that of a page. */
export type FileExtras = Pick<WebConfig, "etag" | "files" | "max_ranges" | "try_files">;

/** A `web` table of a vhost or route that files are served from. */
export type SiteConfig = WebConfig & PageConfig;

function charset() {
  const allowed = 'the name of a character encoding such as "utf-8", or ""';
  return z.string().refine((name) => name === "" || isToken(name), { error: `must be ${allowed}` })
    .register(valueKinds, { type: "charset", allowed });
}

function fileName() {
  return z.string().refine(
    (name) =>
      name.trim() !== "" && !/[/\\]/.test(name) && !hasControl(name) && name !== "." &&
      name !== "..",
    { error: 'must be the name of a file without "/" and "\\", and not "." or ".."' },
  ).register(valueKinds, { type: "file name", allowed: "no `/`, `\\`, `.`, `..`" });
}

declare module "../../config/types.ts" {
  interface RootTables {
    readonly web?: WebConfig;
    /** There whenever this module reads the configuration. */
    readonly web_memory?: MemoryConfig;
  }
  interface VhostTables {
    readonly web?: WebConfig;
  }
  interface RouteTables {
    readonly web?: WebConfig;
  }
}
