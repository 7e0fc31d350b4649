/** Finds the endpoint of a path: those of this build, and those of modules that it lacks. @module */
import { failure } from "../calls.ts";
import type { Endpoint } from "./endpoint.ts";
import { OWN_PATHS } from "../addresses.ts";

/** What a path and a method lead to. */
export type Route =
  | { readonly kind: "endpoint"; readonly endpoint: Endpoint }
  | { readonly kind: "method_not_allowed" }
  | { readonly kind: "not_found" };

/** Endpoints of modules, for builds without them, with the texts of 1.5. */
const ELSEWHERE: readonly {
  readonly module: string;
  readonly get: readonly string[];
  readonly post: readonly string[];
}[] = [
  {
    module: "load balancer",
    get: ["load-balancer/status"],
    post: [
      "load-balancer/member-state",
      "load-balancer/member-weight",
      "load-balancer/member-add",
      "load-balancer/member-remove",
      "load-balancer/member-update",
      "load-balancer/persistence/clear",
    ],
  },
  {
    module: "cache",
    get: ["cache/status"],
    post: [
      "cache/activity/reset",
      "cache/purge",
      "cache/purge-bulk",
      "cache/purge-index",
      "cache/purge-prefix",
      "cache/purge-tag",
      "cache/purge-wildcard",
      "cache/purge-stale",
    ],
  },
  { module: "UDP proxy", get: ["udp/status"], post: [] },
];

/** The paths of the admin API. */
export class Router {
  /** By path, then by method. */
  readonly #routes = new Map<string, Map<string, Endpoint>>();

  /** @throws when two endpoints have one path and method: a fault of the profile. */
  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) {
      const methods = this.#methods(endpoint.path);
      if (methods.has(endpoint.method)) {
        throw new Error(`two modules have the endpoint ${endpoint.method} ${endpoint.path}`);
      }
      methods.set(endpoint.method, endpoint);
    }
    for (const absent of absentEndpoints()) {
      const methods = this.#methods(absent.path);
      if (!methods.has(absent.method)) methods.set(absent.method, absent);
    }
  }

  /** Where a request of the TCP listener leads. */
  find(method: string, path: string): Route {
    const methods = this.#routes.get(path);
    const endpoint = methods?.get(method);
    if (endpoint !== undefined) return { kind: "endpoint", endpoint };
    const isUnknown = methods === undefined && (method === "GET" || method === "POST");
    return { kind: isUnknown ? "not_found" : "method_not_allowed" };
  }

  /** Where a request of the ops socket leads. */
  findOps(path: string): Endpoint | undefined {
    const endpoint = this.#routes.get(path)?.get("GET");
    return endpoint?.ops === undefined ? undefined : endpoint;
  }

  #methods(path: string): Map<string, Endpoint> {
    const whole = OWN_PATHS + path;
    const methods = this.#routes.get(whole) ?? new Map<string, Endpoint>();
    this.#routes.set(whole, methods);
    return methods;
  }
}

function absentEndpoints(): Endpoint[] {
  return ELSEWHERE.flatMap(({ module, get, post }) => {
    const answer = () => Promise.resolve(failure(400, `${module} support is not compiled in`));
    return [
      ...get.map((path): Endpoint => ({ method: "GET", path, ops: "open", answer })),
      ...post.map((path): Endpoint => ({ method: "POST", path, answer })),
    ];
  });
}
