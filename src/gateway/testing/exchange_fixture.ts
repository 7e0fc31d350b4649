/**
 * Exchanges for tests: a request as a codec would have filled it in and the gateway routed it.
 *
 * @module
 */
import { readAuthority } from "../../http/authority.ts";
import type { HttpVersion } from "../../http/exchange.ts";
import type { TlsFacts } from "../../net/connection_facts.ts";
import { Fields } from "../../http/fields.ts";
import { Exchange } from "../exchange/exchange.ts";

/** What a test says about its request; the rest is a plain `GET / HTTP/1.1`. */
export interface RequestFixture {
  readonly method?: string;
  readonly target?: string;
  readonly authority?: string;
  readonly version?: HttpVersion;
  /** Without `host`, which is made of the authority unless it is there. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly peerAddress?: string;
  readonly peerPort?: number;
  readonly clientAddress?: string;
  readonly tls?: Partial<TlsFacts>;
}

/** An exchange for `request`. */
export function exchangeFixture(request: RequestFixture = {}): Exchange {
  const { target = "/", authority = "example.com", peerAddress = "192.0.2.1" } = request;
  const exchange = new Exchange({
    peerAddress,
    peerPort: request.peerPort ?? 50_000,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: request.tls === undefined ? 80 : 443,
    listener: request.tls === undefined ? "127.0.0.1:80" : "127.0.0.1:443",
    tls: request.tls === undefined
      ? undefined
      : { version: "TLSv1.3", cipher: "", serverName: "", client: undefined, ...request.tls },
  });
  exchange.method = request.method ?? "GET";
  exchange.version = request.version ?? 11;
  exchange.target = target;
  const mark = target.indexOf("?");
  exchange.path = mark < 0 ? target : target.slice(0, mark);
  exchange.query = mark < 0 ? undefined : target.slice(mark + 1);
  exchange.servedPath = exchange.path;
  exchange.authority = authority;
  exchange.host = readAuthority(authority)?.host ?? "";
  exchange.clientAddress = request.clientAddress ?? peerAddress;
  const fields = Fields.of(...(request.fields ?? []));
  if (authority !== "" && !fields.has("host")) fields.append("host", authority);
  exchange.request = fields;
  return exchange;
}
