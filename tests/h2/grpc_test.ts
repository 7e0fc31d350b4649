/** gRPC through our server and our client: all four kinds of call, deadlines and cancellation. */
import assert from "node:assert/strict";
import type { HttpExchange } from "../../src/http/exchange.ts";
import { FACTS, TestHandler } from "../../src/http/h2/testing/connection.ts";
import { Http2Client, serveHttp2 } from "../../src/http/h2/mod.ts";
import { OpenConnections } from "../../src/http/server.ts";
import { Clock } from "../../src/net/clock.ts";
import { EVERY_CALL, GRPC_CLIENT, GRPC_SERVER } from "../peers/grpc.ts";
import { Lines } from "../testing/lines.ts";
import { pythonTests } from "../testing/python.ts";

/** Sends every request on to the upstream as it is. */
function relayTo(upstream: Http2Client) {
  return async (x: HttpExchange) => {
    const call = upstream.start({
      method: x.method,
      target: x.target,
      scheme: "http",
      authority: x.authority,
      fields: x.request,
      body: x.requestBody,
      upgrade: undefined,
    });
    x.onAbort = () => call.cancel();
    try {
      const response = await call.response;
      x.status = response.status;
      x.response = response.fields;
      x.responseBody = response.body;
    } catch {
      x.status = 0;
    }
  };
}

pythonTests("python3-grpcio")(
  "gRPC passes: four kinds of call, metadata, statuses, deadlines, cancellation",
  async (python) => {
    const child = new Deno.Command(python, {
      args: [GRPC_SERVER],
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    const clock = new Clock();
    clock.start();
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const port = Number(await lines.next());
    const upstream = new Http2Client(await Deno.connect({ port, hostname: "127.0.0.1" }), {
      clock,
      timeouts: { readMs: 0, sendMs: 0, idleMs: 0 },
      maxStreams: 100,
      pingIntervalMs: 0,
    });
    const closed = new Promise<void>((resolve) => upstream.onClosed = resolve);
    const handler = new TestHandler(relayTo(upstream));
    const open = new OpenConnections();
    const serving = listener.accept().then((connection) =>
      serveHttp2(connection, FACTS, handler, {
        limits: { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 },
        clock,
        open,
        headTimeoutMs: 10_000,
      })
    );
    try {
      const { code, stdout, stderr } = await new Deno.Command(python, {
        args: [GRPC_CLIENT, `${(listener.addr as Deno.NetAddr).port}`],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), EVERY_CALL);
      // Both calls that hung learned of their end.
      const said = [];
      while (said.length < 4) said.push(await lines.next());
      assert.deepEqual(said.sort(), ["cancelled", "cancelled", "hanging", "hanging"]);
    } finally {
      open.abort();
      upstream.abort();
      listener.close();
      await serving;
      await closed;
      clock.stop();
      child.kill("SIGTERM");
      await lines.cancel();
      await child.status;
    }
    assert.equal(handler.finished.length, handler.created.length);
  },
);
