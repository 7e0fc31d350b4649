/** A gateway with TLS listeners, certificates of a test's own, and real clients. @module */
import { type Issued, TestAuthority } from "../../../src/net/testing/certificates.ts";
import type { TestGateway } from "../../testing/gateway.ts";

export const authority = new TestAuthority();

/** Files of a pair, as `TestGateway.start` takes them. */
export function pairFiles(name: string, { cert, key }: Issued): Record<string, string> {
  return { [`tls/${name}.pem`]: cert, [`tls/${name}.key`]: key };
}

/** The table of a pair of {@linkcode pairFiles}. */
export function pairTable(name: string): string {
  return `{ cert_path = "{dir}/tls/${name}.pem", key_path = "{dir}/tls/${name}.key" }`;
}

/** A vhost whose page is its name, with a certificate of its own if one is named. */
export function site(name: string, host: string, pair?: string): string {
  const tls = pair === undefined
    ? ""
    : `[vhosts.tls]\nenabled = true\ncertificate = ${pairTable(pair)}\n`;
  return `[[vhosts]]\nname = "${name}"\nhosts = ["${host}"]\n${tls}` +
    `[vhosts.web]\nroot = "{dir}/${name}"\n`;
}

/** What a program printed and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[]): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** What `openssl s_client` saw of the gateway. */
export interface Shown {
  /** Common name of the certificate; `""` when there was no handshake. */
  readonly name: string;
  /** `TLSv1.3`. */
  readonly version: string;
  /** What ALPN chose, `""` for nothing. */
  readonly alpn: string;
  /** The whole output, for alerts. */
  readonly text: string;
}

/** Shakes hands by `openssl s_client` with further arguments. */
export async function sClient(gateway: TestGateway, ...args: readonly string[]): Promise<Shown> {
  const { out, err } = await run("openssl", [
    "s_client",
    "-connect",
    `127.0.0.1:${gateway.port}`,
    ...args,
  ]);
  const found = (pattern: RegExp) => pattern.exec(out)?.[1] ?? "";
  return {
    name: found(/^subject=.*CN ?= ?([^\n,]+)/m),
    version: found(/^New, (TLSv[0-9.]+)/m),
    alpn: found(/^ALPN protocol: (.+)$/m),
    text: out + err,
  };
}

/** Asks for `url` by curl, which trusts the test's authority and finds every host on the gateway. */
export async function curl(
  gateway: TestGateway,
  url: string,
  ...args: readonly string[]
): Promise<Ran> {
  return await run("curl", [
    "--silent",
    "--show-error",
    "--max-time",
    "10",
    "--cacert",
    `${gateway.dir.path}/tls/root.pem`,
    "--connect-to",
    `::127.0.0.1:${gateway.port}`,
    ...args,
    url,
  ]);
}
