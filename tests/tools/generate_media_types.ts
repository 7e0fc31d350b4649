/**
 * Writes `src/http/content/media_type_table.ts` from the `mime-db` package: `deno run -A tests/tools/generate_media_types.ts`.
 *
 * The program does not load the package itself: its 200 KB of JSON cost some 30 ms at start, the
 * table less than one. `generate_media_types_test.ts` fails when the two have drifted apart.
 *
 * @module
 */
import { z } from "zod";
import data from "mime-db";

/** The package has no types of its own; this is the part of it that is used. */
const db = z.record(
  z.string(),
  z.object({ source: z.string().optional(), extensions: z.array(z.string()).optional() }),
).parse(data);

/** Where several registered types claim an extension and the rule below would pick an unusual one. */
const CHOSEN: Readonly<Record<string, string>> = {
  ico: "image/x-icon",
  mpp: "application/vnd.ms-project",
  mts: "video/mp2t",
  wav: "audio/wav",
};

/** Which registry to believe first; `mime-db` leaves the source out for types it added itself. */
const SOURCES = ["iana", undefined, "apache", "nginx"];

/** Among types that are otherwise as good: a page plays a `video/mp4`, not an `application/mp4`. */
const KINDS = ["video", "font", "application"];

/** The text of the table: one line a media type, then its extensions, all sorted. */
function mediaTypeTable(): string {
  const best = new Map<string, string>();
  for (const [type, { extensions }] of Object.entries(db)) {
    for (const extension of extensions ?? []) {
      const other = best.get(extension);
      if (other === undefined || isBetter(type, other)) best.set(extension, type);
    }
  }
  for (const [extension, type] of Object.entries(CHOSEN)) best.set(extension, type);
  const byType = Map.groupBy([...best.keys()].sort(), (extension) => best.get(extension)!);
  return [...byType.keys()].sort()
    .map((type) => `${type} ${byType.get(type)!.join(" ")}\n`).join("");
}

/** The whole generated file. */
export function mediaTypeModule(): string {
  return `/**
 * Media types and the file name extensions that stand for them, one type a line. Generated from
 * \`mime-db\` by \`tests/tools/generate_media_types.ts\`; not to be edited by hand.
 *
 * @module
 */

/** Lines of a media type and its extensions, separated by spaces. */
export const MEDIA_TYPE_TABLE = \`\\
${mediaTypeTable()}\`;
`;
}

function isBetter(type: string, other: string): boolean {
  const [a, b] = [rank(type), rank(other)];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] < b[i];
  return false;
}

/** Smaller is better, the first difference decides. */
function rank(type: string): number[] {
  const [kind, subtype] = type.split("/");
  const facet = subtype.startsWith("x-") ? 2 : subtype.startsWith("vnd.") ? 1 : 0;
  const source = SOURCES.indexOf(db[type].source);
  const kindRank = KINDS.indexOf(kind);
  return [facet, source, kindRank < 0 ? KINDS.length : kindRank, type.length];
}

if (import.meta.main) {
  await Deno.writeTextFile(
    new URL("../../src/http/content/media_type_table.ts", import.meta.url),
    mediaTypeModule(),
  );
}
