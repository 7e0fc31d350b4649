/**
 * A server of its own for the tests of this folder: one listener, one handler, time that the test moves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Clock } from "../../../net/clock.ts";
import { type Body, BodyError, readAll } from "../../body.ts";
import { Fields } from "../../fields.ts";
import { HttpExchange } from "../../exchange.ts";
import { OpenConnections, type ServerOptions } from "../../server.ts";
import { serveHttp1 } from "../server.ts";

/** What a test's server does with a request; throwing is answered with the error's status. */
export type Answerer = (exchange: HttpExchange) => void | Promise<void>;

/** A server that a test speaks to over a real socket. */
export class TestServer implements AsyncDisposable {
  readonly clock = new Clock();
  readonly open = new OpenConnections();
  readonly finished: HttpExchange[] = [];
  readonly refusals: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;

  constructor(
    answer: Answerer,
    limits = { maxHeadBytes: 65_536, maxUriBytes: 8192, maxFields: 100 },
    readonly times: Pick<ServerOptions, "headTimeoutMs" | "idleTimeoutMs"> = {
      headTimeoutMs: 10_000,
    },
  ) {
    const handler = {
      create: (facts: HttpExchange["connection"]) => new HttpExchange(facts),
      handle: (exchange: HttpExchange) => {
        exchange.response = new Fields();
        if (exchange.headFault === undefined) return answer(exchange);
        this.refusals.push(exchange.headFault.reason);
        exchange.status = exchange.headFault.status;
      },
      resume: () => {},
      fail: (exchange: HttpExchange, reason: unknown) => {
        this.refusals.push(String(reason));
        exchange.status = reason instanceof BodyError ? reason.status : 500;
        exchange.closeAfter = true;
      },
      refuse: (exchange: HttpExchange, status: number, reason: string) => {
        this.refusals.push(reason);
        exchange.status = status;
        exchange.response = new Fields();
      },
      finish: (exchange: HttpExchange) => {
        this.finished.push(exchange);
      },
    };
    this.#serving = this.#serve(handler, limits);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.open.abort();
    await this.#serving;
    assert.equal(this.open.size, 0, "connections are left open");
    assert.equal(this.clock.watched, 0, "something that has ended is still watched");
  }

  async #serve(
    handler: Parameters<typeof serveHttp1<HttpExchange>>[2],
    limits: { maxHeadBytes: number; maxUriBytes: number; maxFields: number },
  ): Promise<void> {
    const running: Promise<void>[] = [];
    const options = { limits, clock: this.clock, open: this.open, ...this.times };
    for await (const conn of this.#listener) {
      const facts = {
        peerAddress: conn.remoteAddr.hostname,
        peerPort: conn.remoteAddr.port,
        peerIsDirect: true,
        localAddress: conn.localAddr.hostname,
        localPort: conn.localAddr.port,
        listener: "test",
        tls: undefined,
      };
      running.push(serveHttp1(conn, facts, handler, options));
    }
    await Promise.all(running);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Answers with method and target, and the body if there is one. */
export async function echo(exchange: HttpExchange): Promise<void> {
  let body = "";
  if (exchange.requestBody !== undefined) {
    try {
      body = decoder.decode(await readAll(exchange.requestBody, 1 << 20));
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      exchange.status = error.status;
      exchange.closeAfter = true;
      return;
    }
  }
  exchange.status = 200;
  exchange.responseBody = encoder.encode(`${exchange.method} ${exchange.target} ${body}`);
}

/** Answers with five bytes, and looks at nothing. */
export function hello(exchange: HttpExchange): void {
  exchange.status = 200;
  exchange.responseBody = encoder.encode("hello");
}

/** A body that hands out `pieces`, each when it is asked for; what finds no room comes with the next read. */
export function streamed(
  pieces: readonly string[],
  options: { late?: boolean; length?: number } = {},
): Body {
  let at = 0;
  let rest = new Uint8Array(0);
  return {
    length: options.length,
    trailers: undefined,
    read(into) {
      if (rest.length === 0) {
        if (at === pieces.length) return null;
        rest = encoder.encode(pieces[at++]);
      }
      const count = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return options.late ? Promise.resolve(count) : count;
    },
    cancel() {
      at = pieces.length;
      rest = new Uint8Array(0);
    },
  };
}
