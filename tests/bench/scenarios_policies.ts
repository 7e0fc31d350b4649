/**
 * What the edge policies cost a small proxied request: when they are not configured, and when
 * all are. The programs are all ours, so the differences are small: many short rounds
 * (`--seconds 1 --rounds 25`) say more than few long ones.
 *
 * @module
 */
import { mmdbFile } from "../../src/modules/geoip/testing/mmdb.ts";
import type { TempDir } from "../testing/peer.ts";
import { profile as bare } from "./bare.ts";
import type { Scenario } from "./contest.ts";
import { wrk } from "./load.ts";
import { fluxheim, fluxheimConfig, type Job, origin, type Server } from "./servers.ts";

/** Networks that no request comes from; as many as a list may have. */
const DENIED = Array.from({ length: 256 }, (_, i) => `"10.${i}.0.0/16"`).join(", ");

/** Limits that no client of the benchmark comes to. */
const LIMITS = `
rate_limit = { enabled = true, requests_per_second = 1000000 }
concurrency = { enabled = true, max_in_flight = 1000 }`;

/** Every policy, in vhost and route. */
function configured(dir: TempDir, job: Job): string {
  const database = dir.write(
    "places.mmdb",
    mmdbFile({
      type: "GeoLite2-Country",
      networks: { "127.0.0.0/8": { country: { iso_code: "SE" } } },
    }),
  );
  const access = `access = { deny = [${DENIED}], deny_countries = ["NO"] }`;
  return fluxheimConfig(job).replace("proxy = {", `${access}${LIMITS}\nproxy = {`) + `
[geoip]
enabled = true
databases = [{ provider = "maxmind", path = "${database}" }]
[compression]
enabled = true
brotli = true
zstd = true
[headers.request]
set = { x-country = "{geo.country}" }
[headers.response]
hardening.profile = "cross-origin-isolated"
cors = { enabled = true, allow_origins = ["https://app.example"] }
[[vhosts.routes]]
name = "all"
path_prefix = "/"
${access}${LIMITS}
proxy = { upstream = "127.0.0.1:${job.kind === "proxy" ? job.origin : 0}" }
`;
}

/** Two of our own programs at the same small proxied request. */
export function compared(
  name: string,
  wanted: Scenario["wanted"],
  start: (dir: TempDir, job: Job) => Promise<readonly Server[]>,
): Scenario {
  return {
    name,
    unit: "req/s",
    wanted,
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const servers = await start(dir, { kind: "proxy", origin: upstream.port });
      return {
        servers,
        helpers: [upstream],
        measure: ({ port }) => wrk(`http://127.0.0.1:${port}/`, { seconds }),
      };
    },
  };
}

/** What policies cost, off and on. */
export const POLICIES: readonly Scenario[] = [
  compared("policies-unconfigured", { without: 0.99 }, async (dir, job) => [
    await fluxheim(dir, fluxheimConfig(job), "unconfigured"),
    await fluxheim(dir, fluxheimConfig(job), "without", {
      profile: bare,
      entry: "tests/bench/bare.ts",
    }),
  ]),
  compared("policies-configured", {}, async (dir, job) => [
    await fluxheim(dir, configured(dir, job), "configured"),
    await fluxheim(dir, fluxheimConfig(job), "unconfigured"),
  ]),
];
