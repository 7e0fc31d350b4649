/** Maintenance mode at work. @module */
import { ByScope, ownTables } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { EdgeModule, RouteScope, RunningModule, Steps } from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { parseIp } from "../../net/ip.ts";
import { IpSet } from "../../net/ip_set.ts";
import type { MaintenanceConfig } from "./schema.ts";

/** Certificates are renewed while a site is down. */
const ALWAYS_SERVED = "/.well-known/acme-challenge/";

/** The client's address; a decision never waits, so one is enough. */
const words = new Uint32Array(4);

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "maintenance",
  open: () => ({ start: () => new Maintenance() }),
};

class Maintenance implements RunningModule {
  readonly #modes = new ByScope<Mode>();

  plan(scope: RouteScope): Steps | undefined {
    const config = ownTables(scope).maintenance;
    if (config?.enabled !== true) return undefined;
    const mode = new Mode(config);
    this.#modes.set(scope, mode);
    return { access: (exchange) => mode.access(exchange) };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    return this.#modes.get(scope)?.explain(exchange);
  }

  stop(): void {}
}

/** The mode of one scope. */
class Mode {
  readonly #allow: IpSet;
  readonly #refusal: Refusal;

  constructor({ allow, retry_after_secs: retryAfter, message }: MaintenanceConfig) {
    this.#allow = IpSet.of(allow);
    this.#refusal = {
      status: 503,
      text: message,
      cause: "maintenance",
      fields: retryAfter === undefined ? undefined : [["retry-after", String(retryAfter)]],
    };
  }

  access(exchange: Exchange): void {
    if (!this.#passes(exchange)) refuse(exchange, this.#refusal);
  }

  explain(exchange: Exchange): string {
    if (!this.#passes(exchange)) return "in maintenance";
    return this.#isAllowed(exchange.clientAddress)
      ? "in maintenance, but the client's address is in allow"
      : "in maintenance, but challenges are answered";
  }

  #passes({ clientAddress, path }: Exchange): boolean {
    return this.#isAllowed(clientAddress) || path.startsWith(ALWAYS_SERVED);
  }

  #isAllowed(address: string): boolean {
    if (this.#allow.empty) return false;
    const family = parseIp(address, words);
    return family !== 0 && this.#allow.hasWords(family, words);
  }
}
