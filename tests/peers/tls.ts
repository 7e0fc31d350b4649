/**
 * What a gateway needs to serve TLS in a test.
 *
 * @module
 */
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TempDir } from "../testing/peer.ts";

/** A certificate for `localhost` and 127.0.0.1, and the files that hold it. */
export class TestCertificate implements AsyncDisposable {
  readonly #dir = new TempDir();
  readonly authority = new TestAuthority();
  /** File with the root certificate, for clients. */
  readonly rootPath: string;
  /** Files with the certificate and its key, for servers behind a gateway. */
  readonly certPath: string;
  readonly keyPath: string;
  /** `[tls]` tables that show the certificate. */
  readonly tables: string;

  constructor() {
    const { cert, key } = this.authority.issue({
      name: "localhost",
      names: ["localhost", "127.0.0.1"],
    });
    this.rootPath = this.#dir.write("root.pem", this.authority.root);
    this.certPath = this.#dir.write("tls/cert.pem", cert);
    this.keyPath = this.#dir.write("tls/key.pem", key);
    this.tables = `[tls]
enabled = true
certificates = [{ cert_path = "${this.certPath}", key_path = "${this.keyPath}" }]
`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}
