/** What the runtime offers in a handshake: what docs/tls.md says, and nothing can change. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:tls";
import { writeAll } from "../duplex.ts";
import { authority, material, TERMINATORS } from "../testing/tls_terminators.ts";
import { ListenerBench } from "../testing/listener_bench.ts";
import { GROUPS, TLS12_SUITES, TLS13_SUITES } from "./offer.ts";
import type { TlsListenerSpec } from "./spec.ts";

/** What must not be had, beside what is offered. */
const OTHER_GROUPS = [["P-521", 25], ["X448", 30], ["ffdhe2048", 256]] as const;
const OTHER_TLS13_SUITES = [["TLS_AES_128_CCM_SHA256", 0x1304]] as const;
const OTHER_TLS12_SUITES = [
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c],
  ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000a],
  ["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009e],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013],
] as const;

const HANDSHAKE_RECORD = 22;
const ALERT_RECORD = 21;
const ELLIPTIC = authority.issue({ name: "a.test" });
const RSA = authority.issue({ name: "a.test", algorithm: "RSA" });

/** What a client of one group and one suite says. */
interface Hello {
  readonly version: 0x0303 | 0x0304;
  readonly suite: number;
  readonly group: number;
}

/** A ClientHello; one of TLS 1.3 sends no share, so it is asked for one, or refused. */
function clientHello({ version, suite, group }: Hello): Uint8Array {
  const extensions = Buffer.concat([
    extension(10, u16(2), u16(group)),
    extension(11, Buffer.of(1, 0)),
    extension(13, u16(6), u16(0x0403), u16(0x0804), u16(0x0401)),
    extension(43, Buffer.of(2), u16(version)),
    ...version === 0x0304 ? [extension(51, u16(0))] : [],
  ]);
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 1),
    Buffer.of(0),
    u16(2),
    u16(suite),
    Buffer.of(1, 0),
    u16(extensions.length),
    extensions,
  ]);
  const message = Buffer.concat([Buffer.of(1, 0), u16(body.length), body]);
  return Buffer.concat([Buffer.of(HANDSHAKE_RECORD, 3, 1), u16(message.length), message]);
}

function extension(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  return Buffer.concat([u16(type), u16(content.length), content]);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

/** Whether each of the hellos is taken up, in their order. */
async function takenUp(tls: TlsListenerSpec, hellos: readonly Hello[]): Promise<boolean[]> {
  using bench = await new ListenerBench().open({ tls });
  const found: boolean[] = [];
  for (const hello of hellos) {
    const client = await bench.connect();
    await writeAll(client, clientHello(hello));
    const answer = new Uint8Array(1);
    await client.read(answer);
    assert.ok([HANDSHAKE_RECORD, ALERT_RECORD].includes(answer[0]), `record ${answer[0]}`);
    found.push(answer[0] === HANDSHAKE_RECORD);
    client.close();
    assert.equal(await bench.rejection(found.length), "tls_handshake");
  }
  return found;
}

/** What of `ids` is taken up when everything else is as it should be. */
async function offered(
  tls: TlsListenerSpec,
  named: readonly (readonly [name: string, id: number])[],
  hello: (id: number) => Hello,
): Promise<readonly string[]> {
  const found = await takenUp(tls, named.map(([, id]) => hello(id)));
  return named.filter((_, index) => found[index]).map(([name]) => name);
}

function names(named: readonly (readonly [name: string, id: number])[]): readonly string[] {
  return named.map(([name]) => name);
}

for (const [terminator, spec] of TERMINATORS) {
  const tls = { ...spec, material: material([ELLIPTIC]) };

  Deno.test(`${terminator}: the groups that the documents name are offered, and no others`, async () => {
    const hello = (group: number): Hello => ({ version: 0x0304, suite: 0x1301, group });
    assert.deepEqual(await offered(tls, [...GROUPS, ...OTHER_GROUPS], hello), names(GROUPS));
  });

  Deno.test(`${terminator}: the suites of TLS 1.3 are offered, and no others`, async () => {
    const hello = (suite: number): Hello => ({ version: 0x0304, suite, group: 29 });
    const all = [...TLS13_SUITES, ...OTHER_TLS13_SUITES];
    assert.deepEqual(await offered(tls, all, hello), names(TLS13_SUITES));
  });

  Deno.test(`${terminator}: the suites of TLS 1.2 that fit the certificate are offered, and no others`, async () => {
    const hello = (suite: number): Hello => ({ version: 0x0303, suite, group: 29 });
    const all = [...TLS12_SUITES, ...OTHER_TLS12_SUITES];
    for (const [pair, key] of [[ELLIPTIC, "_ECDSA_"], [RSA, "_RSA_"]] as const) {
      const found = await offered({ ...spec, material: material([pair]) }, all, hello);
      assert.deepEqual(found, names(TLS12_SUITES).filter((name) => name.includes(key)));
    }
  });
}

/** The suites and groups of the ClientHello that `dial` sends. */
async function asked(
  dial: (port: number) => void,
): Promise<{ suites: number[]; groups: number[] }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  dial(listener.addr.port);
  using connection = await listener.accept();
  const buffer = Buffer.alloc(16_384);
  const hello = buffer.subarray(0, await connection.read(buffer) ?? 0);
  const session = 5 + 4 + 2 + 32;
  const suites = session + 1 + hello[session];
  const compressions = suites + 2 + hello.readUInt16BE(suites);
  let at = compressions + 1 + hello[compressions] + 2;
  while (hello.readUInt16BE(at) !== 10) at += 4 + hello.readUInt16BE(at + 2);
  return { suites: numbers(hello, suites), groups: numbers(hello, at + 4) };
}

/** A list of 16-bit numbers after its length in bytes. */
function numbers(bytes: Buffer, at: number): number[] {
  const count = bytes.readUInt16BE(at) / 2;
  return Array.from({ length: count }, (_, index) => bytes.readUInt16BE(at + 2 + 2 * index));
}

const DIALS = {
  "startTls": async (port: number) => {
    const plain = await Deno.connect({ hostname: "127.0.0.1", port });
    using secured = await Deno.startTls(plain, { hostname: "a.test" });
    await secured.handshake().catch(() => {});
  },
  "node:tls": (port: number) => {
    connect({ host: "127.0.0.1", port, servername: "a.test" }).on("error", () => {});
  },
};

for (const [name, dial] of Object.entries(DIALS)) {
  Deno.test(`${name}: an upstream is asked for the same suites and groups`, async () => {
    const { suites, groups } = await asked((port) => void dial(port));
    const ids = (named: readonly (readonly [string, number])[]) => named.map(([, id]) => id).sort();
    // The last says only that the client knows secure renegotiation (RFC 5746).
    const signal = 0x00ff;
    assert.deepEqual(
      suites.filter((id) => id !== signal).sort(),
      ids([...TLS13_SUITES, ...TLS12_SUITES]),
    );
    assert.deepEqual(groups.sort(), ids(GROUPS));
  });
}
