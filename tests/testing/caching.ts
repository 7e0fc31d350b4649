/**
 * A gateway with a cache before an upstream of the test's own.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import { TestGateway } from "./gateway.ts";
import { RawClient } from "./raw.ts";
import { type Responder, Upstream } from "./upstream.ts";

/** An answer as a client got it. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** `MISS content-type-missing`: the status header and the reason. */
  readonly cache: string;
}

/** A gateway and its upstream. */
export class Caching implements AsyncDisposable {
  private constructor(readonly gateway: TestGateway, readonly upstream: Upstream) {}

  /**
   * Starts both.
   *
   * @param more Lines of `[vhosts.cache]`.
   * @param root Lines of the root, before the vhost.
   */
  static async start(respond: Responder, more = "", root = "", vhost = ""): Promise<Caching> {
    await using made = new AsyncDisposableStack();
    const upstream = made.use(await Upstream.start(respond));
    const gateway = made.use(
      await TestGateway.start(
        `[server]
listen = ["127.0.0.1:{port}"]
${root.includes("[server.process]") ? "" : "[server.process]\nthreads = 2"}
${root}
[[vhosts]]
name = "a"
hosts = ["localhost", "127.0.0.1", "h"]
${vhost}
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.cache]
enabled = true
status_header = "X-Cache-Status"
status_reason_header = "X-Cache-Reason"
max_object_bytes = "1 MiB"
${more.includes("[vhosts.cache.memory]") ? "" : MEMORY}
${more}
`.replace(MEMORY, "") + (more.includes("[vhosts.cache.memory]") ? "" : MEMORY),
      ),
    );
    made.move();
    return new Caching(gateway, upstream);
  }

  /** Requests that the upstream saw. */
  get asked(): number {
    return this.upstream.seen.length;
  }

  async get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> {
    const answer = await fetch(this.gateway.url(path), { headers, method, redirect: "manual" });
    const body = method === "HEAD" ? "" : await answer.text();
    const status = answer.headers.get("x-cache-status") ?? "";
    const reason = answer.headers.get("x-cache-reason");
    const cache = reason === null ? status : `${status} ${reason}`;
    return { status: answer.status, headers: answer.headers, body, cache };
  }

  /** A connection on which bytes are written as they are. */
  raw(): Promise<RawClient> {
    return RawClient.connect(this.gateway.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

const MEMORY = `[vhosts.cache.memory]
enabled = true
max_size_bytes = "8 MiB"
`;

/** An image that is fresh for a minute. */
export function image(
  response: ServerResponse,
  body = "image",
  headers: Record<string, string> = {},
): void {
  response.writeHead(200, {
    "content-type": "image/png",
    "cache-control": "max-age=60",
    "content-length": body.length,
    ...headers,
  });
  response.end(body);
}
