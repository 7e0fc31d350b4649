/**
 * A client that speaks HTTP/2 in single frames to a gateway over TLS.
 *
 * @module
 */
import { RawPeer } from "../../src/http/h2/testing/connection.ts";
import type { TestCertificate } from "./tls.ts";

/** Connects, and says the client's first words. */
export async function connectH2(port: number, certificate: TestCertificate): Promise<RawPeer> {
  const connection = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [certificate.authority.root],
    alpnProtocols: ["h2"],
  });
  await connection.handshake();
  const peer = new RawPeer(connection);
  await peer.greet();
  return peer;
}
