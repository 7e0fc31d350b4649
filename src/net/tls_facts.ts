/** What a handshake told about a client. @module */
import type { TLSSocket } from "node:tls";
import type { ClientCertificate, TlsFacts } from "../http/exchange.ts";

/**
 * The facts of a connection whose handshake is done.
 *
 * @param asked Whether the client was asked for a certificate. Without that `socket.authorized` is
 * true and means nothing.
 * @param serverName What it asked for, lower case, `""` for none.
 * @returns `undefined` when the client presented a certificate that does not verify.
 */
export function tlsFactsOf(
  socket: TLSSocket,
  asked: boolean,
  serverName: string,
): TlsFacts | undefined {
  let client: ClientCertificate | undefined;
  if (asked) {
    const peer = socket.getPeerCertificate();
    if (peer?.raw !== undefined) {
      if (!socket.authorized) return undefined;
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
