/**
 * The brace grammar that all templates of the configuration share: `text{variable}text`.
 *
 * @module
 */

/** A run of text, or the name between two braces. */
export interface BracePiece {
  readonly variable: boolean;
  readonly text: string;
}

/** The pieces of a template in order; `undefined` when a brace is not closed, not opened or nested. */
export function splitBraces(template: string): readonly BracePiece[] | undefined {
  const pieces: BracePiece[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    const end = open < 0 ? template.length : open;
    const text = template.slice(at, end);
    if (text.includes("}")) return undefined;
    if (text !== "") pieces.push({ variable: false, text });
    if (open < 0) break;
    const close = template.indexOf("}", open);
    const name = template.slice(open + 1, close);
    if (close < 0 || name.includes("{")) return undefined;
    pieces.push({ variable: true, text: name });
    at = close + 1;
  }
  return pieces;
}
