/**
 * `--resolve-upstreams`: looks up the names of upstreams as the gateway's machine would; connects to none.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import type { Config } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import { unixPath } from "../../net/unix_address.ts";
import { at, list } from "../../runtime/reload/compare.ts";
import type { Io } from "../command.ts";

/** One upstream as configured. */
interface Upstream {
  /** `vhost` or `vhost/route`. */
  readonly scope: string;
  readonly authority: string;
}

/** Prints a line for each upstream; returns how many names could not be resolved. */
export async function resolveUpstreams(config: Config, io: Io): Promise<number> {
  let failed = 0;
  for (const { scope, authority } of upstreamsOf(config)) {
    const path = unixPath(authority);
    if (path !== undefined) {
      io.out(`upstream: ${scope} ${authority} -> unix socket`);
      continue;
    }
    const host = splitAuthority(authority)?.host ?? authority;
    try {
      const found = await lookup(host, { all: true });
      const addresses = found.map(({ address }) => address).join(", ");
      io.out(`upstream: ${scope} ${authority} -> ${addresses}`);
    } catch (error) {
      failed++;
      const reason = error instanceof Error ? error.message : String(error);
      io.out(`upstream: ${scope} ${authority} -> error: ${reason}`);
    }
  }
  return failed;
}

/** Every proxy and ACME challenge upstream, in the order of the configuration. */
function upstreamsOf(config: Config): Upstream[] {
  const found: Upstream[] = [];
  const collect = (scope: string, tables: unknown) => {
    const authorities = [
      at(tables, ["proxy", "upstream"]),
      ...list(at(tables, ["proxy", "upstreams"])),
      at(tables, ["acme_challenge", "upstream"]),
    ];
    for (const authority of authorities) {
      if (typeof authority === "string") found.push({ scope, authority });
    }
  };
  for (const vhost of config.vhosts) {
    collect(vhost.name, vhost);
    for (const route of vhost.routes) collect(`${vhost.name}/${route.name}`, route);
  }
  return found;
}
