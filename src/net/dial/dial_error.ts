/** Why an upstream could not be reached, in a word for machines and a sentence for the log. @module */

/** What kept a connection from being made. */
export type DialFailure =
  /** Nothing listens there. */
  | "refused"
  /** No way to that network or host. */
  | "unreachable"
  /** The peer ended the connection before it was of use. */
  | "reset"
  | "timeout"
  /** Cancelled by its caller. */
  | "aborted"
  /** The name does not resolve. */
  | "dns"
  /** The name leads to private or local addresses only, and must not. */
  | "restricted"
  /** The permissions of this process do not include this upstream, or the mode of its socket does not let us. */
  | "not_permitted"
  /** The certificate does not lead to a trusted root, or is not valid now. */
  | "tls_certificate"
  /** The certificate is for another name. */
  | "tls_name"
  /** The peer does not speak the configured protocol. */
  | "tls_protocol"
  /** Any other failure of the handshake, as an alert of the peer's. */
  | "tls"
  | "other";

/** An upstream that could not be reached. */
export class DialError extends Error {
  constructor(readonly reason: DialFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DialError";
  }
}

/** `code` of system errors and of `node:tls`. */
const BY_CODE: ReadonlyMap<string, DialFailure> = new Map([
  ["ECONNREFUSED", "refused"],
  // Of unix sockets: there is none, its queue is full, or its mode keeps us out.
  ["ENOENT", "refused"],
  ["EAGAIN", "refused"],
  ["EACCES", "not_permitted"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["ENETUNREACH", "unreachable"],
  ["EHOSTUNREACH", "unreachable"],
  ["EADDRNOTAVAIL", "unreachable"],
  ["ETIMEDOUT", "timeout"],
  ["EPERM", "not_permitted"],
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["ERR_IP_BLOCKED", "restricted"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls_name"],
  ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "tls_protocol"],
]);

/** `code` of `node:tls` when a chain does not verify. */
const CERTIFICATE_CODE = /CERT|SIGNATURE|ISSUER|CRL|SELF_SIGNED/;

/** Error types of the runtime's TLS, and what they mean. */
const CERTIFICATE_WORDS: readonly (readonly [string, string])[] = [
  ["UnknownIssuer", "its certificate does not lead to a trusted root"],
  ["CaUsedAsEndEntity", "its certificate is self-signed, or that of an authority"],
];

/** Explains the error of a connect call or a handshake to `address` (`host:port`). */
export function explainDialError(address: string, error: unknown): DialError {
  if (error instanceof DialError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const reason = failureOf(cause);
  return new DialError(reason, `${address}: ${plainly(cause.message)}`, { cause });
}

/** Says in words what the runtime's own TLS reports by the names of its error types. */
function plainly(message: string): string {
  const found = CERTIFICATE_WORDS.find(([name]) => message.includes(name));
  return found === undefined ? message : `${found[1]} (${message})`;
}

function failureOf(error: Error): DialFailure {
  if (error instanceof Deno.errors.NotCapable) return "not_permitted";
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string") {
    const known = BY_CODE.get(code);
    if (known !== undefined) return known;
    if (code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS")) return "tls";
    if (CERTIFICATE_CODE.test(code)) return "tls_certificate";
  }
  // The runtime's own TLS and resolver report their reasons in words only.
  const { message } = error;
  if (message.includes("not valid for name")) return "tls_name";
  if (message.includes("peer certificate")) return "tls_certificate";
  if (message.includes("NoApplicationProtocol")) return "tls_protocol";
  if (error instanceof Deno.errors.InvalidData) return "tls";
  if (error instanceof Deno.errors.UnexpectedEof) return "reset";
  if (message.includes("lookup address")) return "dns";
  return "other";
}
