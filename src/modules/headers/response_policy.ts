/**
 * The fields a client gets: those of the content, less what must not be seen, and what the policy of
 * the scope adds (spec 02 section 6.3). All of it is worked out when it is compiled, but for CORS and
 * rewrites; an answer costs one pass over its fields and some appended constants.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Fields } from "../../http/fields.ts";
import { CORS_FIELDS, CorsPolicy } from "./cors.ts";
import { SERVER, VIA } from "./field_names.ts";
import type { ResponseSettings } from "./merge.ts";
import { ResponseRewrites } from "./rewrite.ts";
import { toByteString } from "./template.ts";

/** The compiled `headers.response` of one scope. */
export class ResponsePolicy {
  /** Names to take out of the content's answer: deleted, or written anew. */
  readonly #drops = new Set<string>();
  readonly #names: readonly string[];
  readonly #values: readonly string[];
  readonly #rewrites: ResponseRewrites | undefined;
  readonly #cors: CorsPolicy | undefined;

  constructor(settings: ResponseSettings) {
    const { enabled, security, unset, set, append } = settings;
    if (!enabled) {
      this.#names = this.#values = [];
      return;
    }
    const written = new Map<string, string>([...security, ["server", SERVER]]);
    // Deleting comes before setting, so that what is set stays.
    for (const name of written.keys()) this.#drops.add(name);
    for (const name of unset) {
      this.#drops.add(name);
      written.delete(name);
    }
    for (const [name, value] of set) {
      this.#drops.add(name);
      written.set(name, value);
    }
    const lines = [...written, ...append];
    this.#names = lines.map(([name]) => name);
    this.#values = lines.map(([, value]) => toByteString(value));
    const rewrites = new ResponseRewrites(settings.rewrite);
    this.#rewrites = rewrites.empty ? undefined : rewrites;
    this.#cors = settings.cors === undefined ? undefined : new CorsPolicy(settings.cors);
  }

  /** Answers preflight requests; `undefined` where CORS is off. */
  get check(): ((exchange: Exchange) => void) | undefined {
    return this.#cors?.check;
  }

  /**
   * The `refusal` step: lets the pages of allowed origins read why a request was refused, where CORS is on.
   * A browser shows them no status without it.
   */
  get applyToRefusal(): ((exchange: Exchange) => void) | undefined {
    const cors = this.#cors;
    return cors && ((exchange) => cors.apply(exchange, exchange.response));
  }

  /** The `response` step. Changes the fields of the answer in place. */
  readonly apply = (exchange: Exchange): void => {
    const fields = exchange.response;
    if (this.#cors !== undefined) this.#applyCors(exchange, fields, this.#cors);
    // Before the drops, so that the policy's own `unset` and `set` have the last word.
    if (exchange.findings.upstream !== "") addVia(fields);
    if (this.#drops.size > 0) dropFields(fields, this.#drops);
    const names = this.#names;
    const values = this.#values;
    for (let i = 0; i < names.length; i++) fields.append(names[i], values[i]);
    if (this.#rewrites !== undefined) this.#rewrites.apply(fields);
  };

  /** What it does, in one line. */
  describe(): string {
    const deleted = [...this.#drops].filter((name) => !this.#names.includes(name));
    const lines = this.#names.map((name, i) => `${name}: ${this.#values[i]}`);
    return [
      lines.length === 0 ? "writes no fields" : `writes ${lines.join(" | ")}`,
      ...deleted.length === 0 ? [] : [`deletes ${deleted.join(", ")}`],
      ...this.#cors === undefined ? [] : ["answers CORS preflights"],
    ].join("; ");
  }

  #applyCors(exchange: Exchange, fields: Fields, cors: CorsPolicy): void {
    dropFields(fields, OWNED_BY_CORS);
    cors.apply(exchange, fields);
  }
}

const OWNED_BY_CORS: ReadonlySet<string> = new Set(CORS_FIELDS);

export function addVia(fields: Fields): void {
  const chain = fields.joined("via");
  if (chain === undefined) fields.append("via", VIA);
  else fields.set("via", `${chain}, ${VIA}`);
}

/** Takes out every field of these names, in one pass. */
function dropFields({ names, values }: Fields, drops: ReadonlySet<string>): void {
  let kept = 0;
  for (let i = 0; i < names.length; i++) {
    if (drops.has(names[i])) continue;
    if (kept !== i) {
      names[kept] = names[i];
      values[kept] = values[i];
    }
    kept++;
  }
  names.length = kept;
  values.length = kept;
}
