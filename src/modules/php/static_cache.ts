/**
 * Pages that a cache of the application keeps as files, by host and path: WP Super Cache and its like. They
 * are sent in place of asking PHP (`php.static_cache`).
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { ReadonlyFields } from "../../http/fields.ts";
import { answer, type pageSite } from "../web/edge.ts";
import type { PhpConfig } from "./schema.ts";

/** The pages of one table. */
export class StaticCache {
  readonly #settings: NonNullable<PhpConfig["static_cache"]>;
  readonly #site: ReturnType<typeof pageSite>;

  /** @param site The files below the root. */
  constructor(settings: NonNullable<PhpConfig["static_cache"]>, site: ReturnType<typeof pageSite>) {
    this.#settings = settings;
    this.#site = site;
  }

  /** Answers with the page for `exchange`, if there is one; returns whether it did. */
  serve(exchange: Exchange): boolean {
    const { method, query, host, servedPath, request, connection } = exchange;
    if (method !== "GET" && method !== "HEAD") return false;
    // A request that says anything about its client is PHP's, and so is one without a host.
    if (query !== undefined || host === "" || request.has("authorization")) return false;
    if (this.#isBypassed(request)) return false;
    const { path, file, https_file = file } = this.#settings;
    const directory = path.endsWith("/") ? path : `${path}/`;
    const page = servedPath.endsWith("/") ? servedPath : `${servedPath}/`;
    const name = connection.tls === undefined ? file : https_file;
    const content = this.#contentAt(`${directory}${host}${page}${encodeURIComponent(name)}`);
    if (content === undefined) return false;
    void answer(exchange, content);
    return true;
  }

  /** What cannot be read is PHP's to answer. */
  #contentAt(path: string) {
    try {
      const content = this.#site.content(path);
      if (content?.representation.index === "") return content;
      content?.discard();
    } catch {
      // As if there were no page.
    }
    return undefined;
  }

  #isBypassed(request: ReadonlyFields): boolean {
    const cookies = request.joined("cookie", ";");
    return cookies !== undefined && cookies.split(";").some((pair) => {
      const name = pair.trimStart();
      return this.#settings.bypass_cookies.some((prefix) => name.startsWith(prefix));
    });
  }
}
