/** What a handshake showed about a client. @module */
import type { TLSSocket } from "node:tls";
import type { ClientCertificate, TlsFacts } from "../connection_facts.ts";
import type { ClientTrust } from "./client_trust.ts";

/** How clients are asked for a certificate. */
export interface ClientRule {
  /** Whether they may go without. */
  readonly optional: boolean;
  readonly trust: ClientTrust;
}

/**
 * The facts of a connection whose handshake is done.
 *
 * @param rule `undefined` when the client was not asked for a certificate: `socket.authorized` is true
 * then and means nothing.
 * @param serverName What it asked for, lower case, `""` for none.
 * @returns `undefined` when the client's certificate does not verify, or there is none and must be. (A
 * session that is resumed may come from a listener that does not ask.)
 */
export function tlsFactsOf(
  socket: TLSSocket,
  rule: ClientRule | undefined,
  serverName: string,
): TlsFacts | undefined {
  let client: ClientCertificate | undefined;
  if (rule !== undefined) {
    const peer = socket.getPeerCertificate(true);
    if (peer?.raw === undefined) {
      if (!rule.optional) return undefined;
    } else {
      if (!socket.authorized) return undefined;
      if (socket.isSessionReused() && !rule.trust.holds(peer)) return undefined;
      const { fingerprint256, serialNumber, subject } = peer;
      client = {
        sha256: fingerprint256.replaceAll(":", "").toLowerCase(),
        serial: serialNumber.toUpperCase(),
        organization: first(subject?.O),
      };
    }
  }
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher()?.name ?? "",
    serverName,
    client,
  };
}

/** An attribute that a subject may have several times. */
function first(attribute: string | string[] | undefined): string {
  return (Array.isArray(attribute) ? attribute[0] : attribute) ?? "";
}
