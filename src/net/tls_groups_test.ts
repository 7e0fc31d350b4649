/** Which key exchange groups the runtime offers: what docs/tls.md says, and nothing can change. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeAll } from "./duplex.ts";
import { ListenerBench } from "./testing/listener_bench.ts";
import { DOORS } from "./testing/tls_doors.ts";

/** Numbers of groups (IANA, "TLS Supported Groups"). */
const GROUPS = [
  ["X25519MLKEM768", 0x11ec, true],
  ["X25519", 29, true],
  ["P-256", 23, true],
  ["P-384", 24, true],
  ["P-521", 25, false],
  ["X448", 30, false],
] as const;
const HANDSHAKE_RECORD = 22;
const ALERT_RECORD = 21;

/** A ClientHello of TLS 1.3 that knows one group and sends no share: it is asked for one, or refused. */
function helloFor(group: number): Uint8Array {
  const extensions = Buffer.concat([
    extension(10, u16(2), u16(group)),
    extension(13, u16(6), u16(0x0403), u16(0x0804), u16(0x0401)),
    extension(43, Buffer.of(2, 3, 4)),
    extension(51, u16(0)),
  ]);
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 1),
    Buffer.of(0),
    u16(2),
    u16(0x1301),
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

for (const [door, tls] of DOORS) {
  Deno.test(`${door}: the groups that the documents name are offered, and no others`, async () => {
    using bench = await new ListenerBench().open({ tls });
    for (const [index, [name, group, offered]] of GROUPS.entries()) {
      const client = await bench.connect();
      await writeAll(client, helloFor(group));
      const answer = new Uint8Array(1);
      await client.read(answer);
      assert.equal(answer[0], offered ? HANDSHAKE_RECORD : ALERT_RECORD, name);
      client.close();
      assert.equal(await bench.rejection(index + 1), "tls_handshake");
    }
  });
}
