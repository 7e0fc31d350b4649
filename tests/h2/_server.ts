/**
 * A server of ours on a real port, for clients that are not ours.
 *
 * @module
 */
import type { HttpExchange } from "../../src/http/exchange.ts";
import { OpenConnections } from "../../src/http/server.ts";
import { readAll } from "../../src/http/body.ts";
import { Fields } from "../../src/http/fields.ts";
import { answer, FACTS, PiecesBody, TestHandler } from "../../src/http/h2/testing/connection.ts";
import { serveHttp2 } from "../../src/http/h2/mod.ts";
import { Clock } from "../../src/net/clock.ts";

/** A listening server. */
export interface Server {
  readonly port: number;
  readonly handler: TestHandler;
  readonly open: OpenConnections;
  stop(): Promise<void>;
}

/**
 * `/N` is answered with N octets, `/slow/N` with as many in pieces; a POST gets its body back, with a
 * trailer that says how much it was. `/refuse` is answered with 403 before the body has come.
 */
async function gateway(x: HttpExchange): Promise<void> {
  if (x.path === "/refuse") return answer(x, 403, "no");
  if (x.requestBody !== undefined) {
    const bytes = await readAll(x.requestBody, 1e7) ?? new Uint8Array(0);
    const body = new PiecesBody(bytes, 5000, true);
    body.trailers = Fields.of(["x-octets", `${bytes.length}`]);
    answer(x, 200, body, ["content-type", "text/plain"]);
    return;
  }
  const count = Number(x.path.slice(x.path.lastIndexOf("/") + 1));
  const bytes = new Uint8Array(count).fill(120);
  const body = x.path.startsWith("/slow/") ? new PiecesBody(bytes, 3000, true) : bytes;
  answer(x, 200, body, ["content-type", "text/plain"]);
}

/** Starts a server on a port that the system picks. */
export function startServer(tls?: { cert: string; key: string }): Server {
  const clock = new Clock();
  clock.start();
  const handler = new TestHandler(gateway);
  const open = new OpenConnections();
  const address = { port: 0, hostname: "127.0.0.1" };
  const listener = tls === undefined
    ? Deno.listen(address)
    : Deno.listenTls({ ...address, ...tls, alpnProtocols: ["h2"] });
  const limits = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 };
  const serving = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      const served = serveHttp2(connection, FACTS, handler, {
        limits,
        clock,
        open,
        headTimeoutMs: 10_000,
      });
      serving.add(served);
      served.finally(() => serving.delete(served));
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const stop = async () => {
    listener.close();
    await accepting.catch(() => {});
    open.abort();
    await Promise.all(serving);
    clock.stop();
  };
  return { port, handler, open, stop };
}
