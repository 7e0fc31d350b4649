/**
 * The body of a request with trailer fields that follow the header policy.
 *
 * @module
 */
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import type { Body } from "../../../http/body.ts";
import type { Fields } from "../../../http/fields.ts";
import type { RequestPolicy } from "../../headers/edge.ts";

/** A client's body, as the upstream gets it. */
export class TrailingBody implements Body {
  constructor(
    readonly source: Body,
    readonly policy: RequestPolicy,
    readonly exchange: Exchange,
  ) {}

  get length(): number | undefined {
    return this.source.length;
  }

  get trailers(): Fields | undefined {
    const { trailers } = this.source;
    return trailers === undefined ? undefined : this.policy.trailers(this.exchange, trailers);
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    return this.source.read(into);
  }

  cancel(): void {
    this.source.cancel();
  }
}

/** The body of `exchange` for its upstream. Only HTTP/2 and later bring trailers: others need no object. */
export function bodyToForward(exchange: Exchange, policy: RequestPolicy): Body | undefined {
  const { requestBody, version } = exchange;
  if (requestBody === undefined || version < 20) return requestBody;
  return new TrailingBody(requestBody, policy, exchange);
}
