/**
 * An upstream of the tests' own: node's HTTP server, which tells what it was asked.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What an upstream saw of one request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Names in lower case as node gives them; repeated ones joined. */
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers a request in the test's own way. */
export type Responder = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A node:http server on a port that the system picked. */
export class Upstream implements AsyncDisposable {
  readonly seen: Seen[] = [];
  /** Connections that were opened to it so far. */
  connections = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {
    server.on("connection", (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** @param at A port of 127.0.0.1, 0 for one the system picks, or the path of a unix socket. */
  static async start(respond: Responder, at: number | string = 0): Promise<Upstream> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const upstream = new Upstream(server);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("latin1");
      request.on("data", (part: string) => body += part);
      request.on("end", () => {
        upstream.seen.push({
          method: request.method ?? "",
          url: request.url ?? "",
          headers: request.headers,
          body,
        });
        respond(request, response, body);
      });
      request.on("error", () => {});
    });
    await new Promise<void>((resolve) => {
      if (typeof at === "string") server.listen(at, resolve);
      else server.listen(at, "127.0.0.1", resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What was asked last. */
  get last(): Seen {
    return this.seen[this.seen.length - 1];
  }

  /** Ends every connection it has, as a restart would. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
