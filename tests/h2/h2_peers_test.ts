/** Our server and our client against python3-h2. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Body, BytesBody, readAll } from "../../src/http/body.ts";
import type { ClientError, ClientRequest } from "../../src/http/client.ts";
import { Fields } from "../../src/http/fields.ts";
import { ErrorCode } from "../../src/http/h2/wire/errors.ts";
import { Http2Client } from "../../src/http/h2/mod.ts";
import { Clock } from "../../src/net/clock.ts";
import { Lines } from "../testing/lines.ts";
import { pythonTests } from "../testing/python.ts";
import { startServer } from "./_server.ts";

const CLIENT = fileURLToPath(new URL("h2_client_peer.py", import.meta.url));
const SERVER = fileURLToPath(new URL("h2_server_peer.py", import.meta.url));

const testWithH2 = pythonTests("python3-h2");

interface PeerAnswer {
  readonly heads: [string, string][][];
  readonly body: number;
  readonly trailers: [string, string][] | null;
  readonly reset: number | null;
}

/** Runs one scenario of h2_client_peer.py against a server of ours. */
function scenario<T>(name: string, sentence: string, check: (result: T) => void): void {
  testWithH2(`python3-h2 as client: ${sentence}`, async (python) => {
    const server = startServer();
    try {
      const { stdout, stderr, code } = await new Deno.Command(python, {
        args: [CLIENT, `${server.port}`, name],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      check(JSON.parse(new TextDecoder().decode(stdout)));
    } finally {
      await server.stop();
    }
    assert.equal(server.handler.finished.length, server.handler.created.length);
  });
}

scenario<PeerAnswer>("get", "a body comes whole", ({ heads, body }) => {
  const head = new Map(heads[0]);
  assert.equal(head.get(":status"), "200");
  assert.equal(head.get("content-length"), "10240");
  assert.equal(body, 10_240);
});

scenario<number[]>("many", "32 answers at a time come whole", (bodies) => {
  assert.deepEqual(bodies, Array.from({ length: 32 }, (_, i) => 1000 * i));
});

scenario<PeerAnswer>(
  "upload",
  "a body larger than every window goes up and comes back",
  (result) => {
    assert.equal(result.body, 300_000);
    assert.deepEqual(result.trailers, [["x-octets", "300000"]]);
  },
);

scenario<{ bodies: number[]; streams: number; window: number; frame: number; list: number }>(
  "settings",
  "the settings are ours, and a table of the client's that shrinks and grows is followed",
  ({ bodies, streams, window, frame, list }) => {
    assert.deepEqual(bodies, new Array(9).fill(100));
    assert.deepEqual([streams, window, frame, list], [32, 65_536, 16_384, 65_536]);
  },
);

for (
  const [name, sentence, code] of [
    ["rapid_reset", "rapid reset is calmed", ErrorCode.ENHANCE_YOUR_CALM],
    ["continuation_flood", "a CONTINUATION flood is calmed", ErrorCode.ENHANCE_YOUR_CALM],
    ["ping_flood", "a PING flood is calmed", ErrorCode.ENHANCE_YOUR_CALM],
    ["settings_flood", "a SETTINGS flood is calmed", ErrorCode.ENHANCE_YOUR_CALM],
    ["late_data", "data behind the end is an error", ErrorCode.STREAM_CLOSED],
  ] as const
) {
  scenario<{ goaway: number | null }>(name, sentence, ({ goaway }) => assert.equal(goaway, code));
}

// --- python3-h2 as server ----------------------------------------------------------------------

/** Runs `use` with a client of ours that is connected to h2_server_peer.py. */
function upstream(sentence: string, use: (client: Http2Client) => Promise<void>): void {
  testWithH2(`python3-h2 as server: ${sentence}`, async (python) => {
    const child = new Deno.Command(python, {
      args: [SERVER],
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    const clock = new Clock();
    clock.start();
    try {
      const port = Number(await lines.next());
      const client = new Http2Client(await Deno.connect({ port, hostname: "127.0.0.1" }), {
        clock,
        timeouts: { readMs: 10_000, sendMs: 10_000, idleMs: 0 },
        maxStreams: 100,
        pingIntervalMs: 0,
      });
      const closed = new Promise<void>((resolve) => client.onClosed = resolve);
      await use(client);
      client.abort();
      await closed;
    } finally {
      clock.stop();
      await lines.cancel();
      await child.status;
    }
  });
}

function request(target: string, body?: Body): ClientRequest {
  return {
    method: body === undefined ? "GET" : "POST",
    target,
    scheme: "http",
    authority: "test",
    fields: Fields.of(["accept", "*/*"]),
    body,
    upgrade: undefined,
  };
}

async function lengthOf(body: Body | undefined): Promise<number> {
  return body === undefined ? 0 : (await readAll(body, 1e7))?.length ?? -1;
}

upstream("many answers at a time come whole", async (client) => {
  const sizes = [0, 1, 16_384, 100_000, 300_000, 10, 65_536, 65_537];
  const lengths = await Promise.all(sizes.map(async (size) => {
    const { status, body } = await client.request(request(`/${size}`));
    assert.equal(status, 200);
    return await lengthOf(body);
  }));
  assert.deepEqual(lengths, sizes);
});

upstream(
  "a body larger than every window goes up and comes back, with trailers",
  async (client) => {
    const { body } = await client.request(request("/echo", new BytesBody(new Uint8Array(300_000))));
    assert.equal(await lengthOf(body), 300_000);
    assert.equal(body?.trailers?.get("x-octets"), "300000");
  },
);

upstream("a refused stream may be sent again", async (client) => {
  const stage = await client.request(request("/refuse")).catch((error: ClientError) => error.stage);
  assert.equal(stage, "refused");
  const { body } = await client.request(request("/10"));
  assert.equal(await lengthOf(body), 10);
});

upstream("a request that GOAWAY leaves out was not processed", async (client) => {
  await lengthOf((await client.request(request("/10"))).body);
  const stage = await client.request(request("/goaway")).catch((error: ClientError) => error.stage);
  assert.equal(stage, "refused");
  assert.ok(client.closed);
});

upstream("a connection cut within a body is an error", async (client) => {
  const { body } = await client.request(request("/cut"));
  await assert.rejects(lengthOf(body));
});

upstream("an answer in front of the request's end is taken", async (client) => {
  const body: Body = {
    length: undefined,
    trailers: undefined,
    read: () => new Promise(() => {}),
    cancel() {},
  };
  const response = await client.request(request("/early", body));
  assert.equal(await lengthOf(response.body), "no thanks".length);
  assert.equal(client.activeStreams, 0);
});
