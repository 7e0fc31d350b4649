/**
 * The CORS protocol of the Fetch standard: which other origins' pages may read the answers of a scope.
 * Preflight requests are answered here; fields an upstream sends for them are replaced.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { trimBlanks } from "../../http/chars.ts";
import { Fields } from "../../http/fields.ts";
import type { CorsSettings } from "./merge.ts";

/** Fields that belong to the party that answers for CORS, which is the gateway where a policy is enabled. */
export const CORS_FIELDS: readonly string[] = [
  "access-control-allow-origin",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-allow-credentials",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** The compiled `cors` of one scope. */
export class CorsPolicy {
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  readonly #credentials: boolean;
  readonly #methods: ReadonlySet<string>;
  readonly #anyMethod: boolean;
  readonly #allowMethods: string;
  readonly #allowHeaders: string;
  readonly #exposeHeaders: string;
  readonly #maxAge: string;

  constructor(settings: CorsSettings) {
    this.#origins = new Set(settings.origins);
    this.#anyOrigin = this.#origins.has("*");
    this.#credentials = settings.credentials;
    this.#methods = new Set(settings.methods);
    this.#anyMethod = this.#methods.has("*");
    this.#allowMethods = settings.methods.join(", ");
    this.#allowHeaders = settings.allowHeaders.join(", ");
    this.#exposeHeaders = settings.exposeHeaders.join(", ");
    this.#maxAge = settings.maxAgeSecs === undefined ? "" : String(settings.maxAgeSecs);
  }

  /** The `check` step: answers a preflight request, whatever the content would do with OPTIONS. */
  readonly check = (exchange: Exchange): void => {
    if (!isPreflight(exchange)) return;
    exchange.status = 204;
    exchange.response = new Fields();
    exchange.responseBody = undefined;
  };

  /** Adds the fields for this request to an answer that has none of {@linkcode CORS_FIELDS}. */
  apply(exchange: Exchange, fields: Fields): void {
    // With one answer for all origins nothing varies; otherwise it does even where no field is sent.
    if (!this.#anyOrigin) addVary(fields, "Origin");
    const origin = exchange.request.get("origin");
    if (origin === undefined || !(this.#anyOrigin || this.#origins.has(origin))) return;
    fields.append("access-control-allow-origin", this.#anyOrigin ? "*" : origin);
    if (this.#credentials) fields.append("access-control-allow-credentials", "true");
    if (isPreflight(exchange)) this.#permit(exchange, fields);
    else if (this.#exposeHeaders !== "") {
      fields.append("access-control-expose-headers", this.#exposeHeaders);
    }
  }

  #permit({ request }: Exchange, fields: Fields): void {
    // Without these fields the browser does not send the request.
    const method = request.get("access-control-request-method") ?? "";
    if (!(this.#anyMethod || this.#methods.has(method))) return;
    fields.append("access-control-allow-methods", this.#allowMethods);
    if (this.#allowHeaders !== "") {
      fields.append("access-control-allow-headers", this.#allowHeaders);
    }
    if (this.#maxAge !== "") fields.append("access-control-max-age", this.#maxAge);
  }
}

function isPreflight({ method, request }: Exchange): boolean {
  return method === "OPTIONS" && request.has("origin") &&
    request.has("access-control-request-method");
}

/** Says that the answer depends on a request field, unless it says so already. */
function addVary(fields: Fields, name: string): void {
  const vary = fields.joined("vary");
  if (vary === undefined || vary === "") {
    fields.set("vary", name);
    return;
  }
  const wanted = name.toLowerCase();
  const listed = vary.toLowerCase().split(",").map(trimBlanks);
  if (!listed.includes("*") && !listed.includes(wanted)) fields.set("vary", `${vary}, ${name}`);
}
