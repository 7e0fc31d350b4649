/**
 * Files that were compressed beforehand: `page.html.br` beside `page.html`, sent in its place to clients
 * that ask for it. Ours, not in the 1.5 line.
 *
 * @module
 */
import { CodingChoice } from "../../../http/content/accept_encoding.ts";
import { isDated } from "../../../http/content/conditional.ts";
import { percentDecode, percentEncodePath } from "../../../http/percent.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { answer, type Content } from "../answer.ts";

/** Suffix of a file's name for each coding, the preferred one first. */
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ["br", ".br"],
  ["zstd", ".zst"],
  ["gzip", ".gz"],
]);

/** The path of the file that the one at `path` is beside by its name; `undefined` for most. */
export function originalOf(path: string): string | undefined {
  const decoded = percentDecode(path) ?? path;
  for (const suffix of SUFFIXES.values()) {
    if (decoded.endsWith(suffix)) return percentEncodePath(decoded.slice(0, -suffix.length));
  }
  return undefined;
}

/** A file in a coding. */
export interface Variant {
  readonly coding: string;
  readonly content: Content;
}

/** Answers with the best variant there is of a file. */
export class Precompressed {
  readonly #choice = new CodingChoice([...SUFFIXES.keys()]);
  readonly #open: (path: string) => Content | undefined;

  /** @param open The file at a path of the file system below the root, if there is one. */
  constructor(open: (path: string) => Content | undefined) {
    this.#open = open;
  }

  /**
   * Answers with `content`, or with what is beside it in a coding the client accepts.
   *
   * @param path Of `content`, percent-encoded: a variant that another route guards is not sent in its place.
   */
  answer(exchange: Exchange, content: Content, path: string): void {
    const best = this.best(exchange, content, path);
    const hasSiblings = best !== undefined ||
      (isDated(exchange.request) && this.#hasVariant(content));
    if (best === undefined) {
      answer(exchange, content, hasSiblings);
    } else {
      content.discard();
      answer(exchange, best.content, hasSiblings);
      if (exchange.status === 200 || exchange.status === 206) {
        exchange.response.set("content-type", content.representation.mediaType);
        exchange.response.append("content-encoding", best.coding);
      }
    }
    addVary(exchange);
  }

  /**
   * The variant of `content` that the client likes best, if it likes one.
   *
   * @param path Of `content`, percent-encoded.
   */
  best(exchange: Exchange, content: Content, path: string): Variant | undefined {
    const names = exchange.plan?.names;
    for (const coding of this.#choice.of(exchange.request)) {
      if (names?.of(exchange, path + SUFFIXES.get(coding))?.isGuarded === true) continue;
      const variant = this.#variant(content, coding);
      if (variant !== undefined) return { coding, content: variant };
    }
    return undefined;
  }

  #hasVariant(content: Content): boolean {
    for (const coding of SUFFIXES.keys()) {
      const variant = this.#variant(content, coding);
      variant?.discard();
      if (variant !== undefined) return true;
    }
    return false;
  }

  /** The variant in `coding`; one that is older than the file itself was made of something else. */
  #variant(content: Content, coding: string): Content | undefined {
    const { representation } = content;
    let variant: Content | undefined;
    try {
      variant = this.#open(representation.path + SUFFIXES.get(coding));
    } catch (error) {
      content.discard();
      throw error;
    }
    if (variant === undefined) return undefined;
    if (variant.representation.modifiedMs >= representation.modifiedMs) return variant;
    variant.discard();
    return undefined;
  }
}

/** The file itself is an answer that depends on what the client accepts, too. */
function addVary(exchange: Exchange): void {
  if (exchange.refusal === undefined) exchange.response.append("vary", "accept-encoding");
}
