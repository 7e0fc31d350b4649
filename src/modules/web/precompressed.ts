/**
 * Files that were compressed beforehand: `page.html.br` beside `page.html`, sent in its place to clients
 * that ask for it. Ours, not in the 1.5 line.
 *
 * @module
 */
import { CodingChoice } from "../../http/accept_encoding.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import { answer, type Content } from "./answer.ts";

/** What stands behind the name of a file in each coding, the preferred one first. */
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ["br", ".br"],
  ["zstd", ".zst"],
  ["gzip", ".gz"],
]);

/** Answers with the best variant there is of a file. */
export class Precompressed {
  readonly #choice = new CodingChoice([...SUFFIXES.keys()]);
  readonly #open: (path: string) => Content | undefined;

  /** @param open The file at a path of the file system below the root, if there is one. */
  constructor(open: (path: string) => Content | undefined) {
    this.#open = open;
  }

  /** Answers with `content`, or with what stands beside it in a coding the client accepts. */
  answer(exchange: Exchange, content: Content): void {
    for (const coding of this.#choice.of(exchange.request)) {
      const variant = this.#variant(content, coding);
      if (variant === undefined) continue;
      content.discard();
      answer(exchange, variant);
      if (exchange.status === 200 || exchange.status === 206) {
        exchange.response.set("content-type", content.representation.mediaType);
        exchange.response.append("content-encoding", coding);
      }
      addVary(exchange);
      return;
    }
    answer(exchange, content);
    addVary(exchange);
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
