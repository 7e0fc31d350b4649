/**
 * Certificate renewals under load: the gateway's certificate is replaced again and again, as an ACME client
 * would, and every request counts that was not answered.
 *
 * @module
 */
import type { Issued } from "../../src/net/testing/certificates.ts";
import { find, Process, until } from "../testing/peer.ts";
import { CLIENT_CORE } from "./load.ts";
import type { KeyPairFiles, Server } from "./servers.ts";

const RENEWALS = 100;
/** Clients that connect anew for each request, as fast as they are answered. */
const CLIENTS = 8;
/** Seconds of one run of h2load; the next one follows until the last renewal is in place. */
const RUN_SECONDS = 2;
const APPLIED = "the new configuration serves";

/** What is renewed. */
export interface Renewal {
  readonly files: KeyPairFiles;
  /** The certificates, in turns, and the root that they lead to. */
  readonly generations: readonly Issued[];
  readonly root: string;
}

/** Failed requests of HTTP/2 clients that keep their connections. */
export async function failedOnKept(server: Server, renewal: Renewal): Promise<number> {
  let renewing = true;
  let failed = 0;
  const load = (async () => {
    while (renewing) failed += await failedOfRun(server);
  })();
  await renew(server, renewal);
  renewing = false;
  await load;
  return failed;
}

/** Failed requests of HTTP/1.1 clients that connect anew for each. */
export async function failedAnew(server: Server, renewal: Renewal): Promise<number> {
  let renewing = true;
  let failed = 0;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (renewing) await askAnew(server.port, renewal.root).catch(() => failed++);
  });
  await renew(server, renewal);
  renewing = false;
  await Promise.all(clients);
  return failed;
}

/** Replaces the certificate {@linkcode RENEWALS} times, each time when the one before is in place. */
async function renew(server: Server, { files, generations }: Renewal): Promise<void> {
  const applied = () => server.process.output.split(APPLIED).length - 1;
  const before = applied();
  for (let count = 1; count <= RENEWALS; count++) {
    const { cert, key } = generations[count % generations.length];
    for (const [path, content] of [[files.key, key], [files.cert, cert]]) {
      Deno.writeTextFileSync(`${path}.new`, content, { mode: 0o600 });
      Deno.renameSync(`${path}.new`, path);
    }
    server.process.signal("SIGHUP");
    await until(`renewal ${count} is in place`, () => applied() >= before + count);
  }
}

async function failedOfRun(server: Server): Promise<number> {
  const args = ["-t1", "-c8", "-m8", "--rps=100", `-D${RUN_SECONDS}`];
  await using load = new Process(find("taskset")!, [
    ...["-c", String(CLIENT_CORE), find("h2load")!, ...args],
    `https://127.0.0.1:${server.port}/10k.txt`,
  ]);
  await load.ended;
  await load.stop();
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(load.output);
  if (counts === null || counts[1] === "0") throw new Error(`h2load:\n${load.output}`);
  return Number(counts[2]) + Number(counts[3]) + Number(counts[4]);
}

async function askAnew(port: number, root: string): Promise<void> {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  using connection = await Deno.startTls(plain, { hostname: "localhost", caCerts: [root] });
  const request = "GET /10k.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(16 * 1024);
  let answer = 0;
  for (let count; (count = await connection.read(buffer)) !== null;) answer += count;
  if (answer < 10 * 1024) throw new Error("cut short");
}
