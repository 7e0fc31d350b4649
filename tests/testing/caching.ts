/**
 * A gateway with a cache before an upstream of the test's own.
 *
 * @module
 */
import { request, type ServerResponse } from "node:http";
import { type Build, TestGateway } from "./gateway.ts";
import { until } from "./peer.ts";
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

/** Lines of the configuration beside those that every test needs. */
export interface MoreLines {
  /** Of `[server]`. */
  readonly server?: string;
  /** Of the root, before the vhost. */
  readonly root?: string;
  /** Of the vhost, before its proxy and cache. */
  readonly vhost?: string;
  readonly threads?: number;
  readonly build?: Build;
}

/** A gateway and its upstream. */
export class Caching implements AsyncDisposable {
  private constructor(readonly gateway: TestGateway, readonly upstream: Upstream) {}

  /**
   * Starts both.
   *
   * @param cache Lines of `[vhosts.cache]`.
   */
  static async start(respond: Responder, cache = "", more: MoreLines = {}): Promise<Caching> {
    await using made = new AsyncDisposableStack();
    const upstream = made.use(await Upstream.start(respond));
    const gateway = made.use(
      await TestGateway.start(
        `[server]
listen = ["127.0.0.1:{port}"]
${more.server ?? ""}
[server.process]
threads = ${more.threads ?? 2}
${more.root ?? ""}
[[vhosts]]
name = "a"
hosts = ["localhost", "127.0.0.1", "h"]
${more.vhost ?? ""}
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.cache]
enabled = true
status_header = "X-Cache-Status"
status_reason_header = "X-Cache-Reason"
max_object_bytes = "1 MiB"
${cache}
[vhosts.cache.memory]
enabled = true
max_size_bytes = "8 MiB"
`,
        {},
        more.build,
      ),
    );
    made.move();
    return new Caching(gateway, upstream);
  }

  /** Requests that the upstream saw. */
  get asked(): number {
    return this.upstream.seen.length;
  }

  /** Asks for `path`; a `host` among the headers takes the place of the address. */
  async get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> {
    const { status, fields, body } = await ask(this.gateway.port, path, headers, method);
    const shown = fields.get("x-cache-status") ?? "";
    const reason = fields.get("x-cache-reason");
    return { status, headers: fields, body, cache: reason === null ? shown : `${shown} ${reason}` };
  }

  /** Has `path` stored. An answer that was on its way for longer than it is fresh for is not. */
  async store(path: string): Promise<void> {
    await until("it is stored", async () => !(await this.get(path)).cache.startsWith("MISS"));
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

function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
  method: string,
): Promise<{ status: number; fields: Headers; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, headers, method, agent: false };
    const asked = request(options, (response) => {
      const fields = new Headers();
      for (let i = 0; i < response.rawHeaders.length; i += 2) {
        fields.append(response.rawHeaders[i], response.rawHeaders[i + 1]);
      }
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => body += part);
      response.on("error", reject);
      response.on("close", () => {
        if (response.complete) resolve({ status: response.statusCode ?? 0, fields, body });
        else reject(new Error("the answer broke off"));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

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
