/** How a request to an issuer fails. @module */

/** Most of an issuer's own words that is kept. */
const MAX_DETAIL_CHARS = 400;

const PREFIX = "urn:ietf:params:acme:error:";

/** What an issuer has answered, or why it has not. The message is for an operator. */
export class AcmeError extends Error {
  override readonly name = "AcmeError";

  /**
   * @param type Of the problem without its prefix (`rateLimited`); `""` where no problem document came.
   * @param status Of the answer; 0 where none came.
   * @param retryAt When to come again at the earliest, in milliseconds since 1970; 0 where that was not said.
   */
  constructor(
    message: string,
    readonly type = "",
    readonly status = 0,
    readonly retryAt = 0,
  ) {
    super(message);
  }

  /** Whether every order of the account has to wait, and not this one alone. */
  get isRateLimit(): boolean {
    return this.status === 429 || this.type === "rateLimited";
  }

  /** Whether the same request will be refused again: the issuer has judged it, and not its moment. */
  get isFinal(): boolean {
    return this.status >= 400 && this.status < 500 && !this.isRateLimit &&
      this.type !== "orderNotReady" && this.type !== "badNonce";
  }
}

/** An answer of more bytes than any useful one has; another try brings the same. */
export class OversizedAnswer extends AcmeError {
  override get isFinal(): boolean {
    return true;
  }
}

/** A problem document (RFC 7807) as text, with those of single names. */
export interface ProblemText {
  readonly type: string;
  readonly detail: string;
}

/** Reads a problem document; of anything else nothing but that. */
export function problemIn(value: unknown): ProblemText {
  if (typeof value !== "object" || value === null) return { type: "", detail: "" };
  const { type, detail, subproblems } = value as Record<string, unknown>;
  const name = typeof type === "string" ? shown(type.replace(PREFIX, "")) : "";
  const own = typeof detail === "string" ? detail : "";
  const inner = Array.isArray(subproblems)
    ? subproblems.slice(0, 8).map(problemIn).map((one) => one.detail).filter((text) => text !== "")
    : [];
  return { type: name, detail: shown([own, ...inner].join("; ")) };
}

/** Text of a stranger in one line of ours. */
export function shown(text: string): string {
  // deno-lint-ignore no-control-regex -- that is what is taken out
  return text.slice(0, MAX_DETAIL_CHARS).replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").trim();
}
