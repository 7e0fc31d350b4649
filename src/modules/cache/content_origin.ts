/** A cache around content of the scope's own: an application, PHP. @module */
import type { ClientRequest, ClientResponse } from "../../http/client.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import type { Cache } from "./cache.ts";
import { CachedOrigin } from "./cached_origin.ts";

/**
 * The same as around an upstream, but for what needs a client: an application answers exchanges alone, so
 * nothing is fetched in the background, and no slices are.
 */
export class ContentOrigin implements Origin {
  readonly cached: CachedOrigin;

  constructor(readonly cache: Cache, inner: Origin) {
    this.cached = new CachedOrigin(cache, inner, true);
  }

  fetch(request: ClientRequest, call: Call): Promise<ClientResponse> {
    if (call.exchange !== undefined) this.cache.decide(call.exchange);
    return this.cached.fetch(request, call);
  }
}
