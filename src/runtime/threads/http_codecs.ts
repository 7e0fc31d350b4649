/**
 * The codecs for HTTP over streams.
 *
 * @module
 */
import type { Codec } from "../../gateway/codec.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Handler } from "../../http/exchange.ts";
import { serveHttp1 } from "../../http/h1/server.ts";
import { serveHttp2 } from "../../http/h2/server.ts";
import type { ServerOptions } from "../../http/server.ts";

/** HTTP/1.1 and HTTP/2, each for the gateway's own exchanges. */
export function httpCodecs(handler: Handler<Exchange>, options: ServerOptions): readonly Codec[] {
  return [
    {
      name: "http/1.1",
      serve: ({ stream, facts }) => serveHttp1(stream, facts, handler, options),
    },
    {
      name: "h2",
      serve: ({ stream, facts }) => serveHttp2(stream, facts, handler, options),
    },
  ];
}
