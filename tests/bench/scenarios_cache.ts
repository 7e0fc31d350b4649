/**
 * A cache hit beside nginx and Varnish.
 *
 * @module
 */
import { find } from "../testing/peer.ts";
import type { Scenario } from "./contest.ts";
import { CLIENT_CORE, wrk } from "./load.ts";
import { fluxheim, nginxRunning, varnishServer } from "./servers.ts";

/** An object of so many bytes, in memory everywhere. */
function hits(name: string, bytes: number, wanted: Scenario["wanted"]): Scenario {
  return {
    name,
    unit: "req/s",
    wanted,
    async start(dir, seconds) {
      dir.write("www/object.png", new Uint8Array(bytes).fill(120));
      const origin = await nginxRunning(
        dir,
        `server { listen 127.0.0.1:{port}; root ${dir.path}/www; expires 1h;
           location / { types { image/png png; } } }`,
        { core: CLIENT_CORE },
      );
      const servers = [
        await fluxheim(
          dir,
          `[server]
listen = ["127.0.0.1:{port}"]
[logging]
level = "warn"
[logging.access]
enabled = false
[[vhosts]]
name = "bench"
hosts = ["127.0.0.1"]
[vhosts.proxy]
upstream = "127.0.0.1:${origin.port}"
[vhosts.cache]
enabled = true
max_object_bytes = "2 MiB"
[vhosts.cache.memory]
enabled = true
max_size_bytes = "64 MiB"
`,
        ),
        await nginxRunning(
          dir,
          `proxy_cache_path ${dir.path}/kept keys_zone=z:10m; sendfile on; tcp_nopush on;
server { listen 127.0.0.1:{port};
  location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_cache z; } }`,
        ),
      ];
      if (find("varnishd") !== undefined) servers.push(await varnishServer(dir, origin.port));
      return {
        servers,
        helpers: [origin],
        measure: ({ port }) => wrk(`http://127.0.0.1:${port}/object.png`, { seconds }),
      };
    },
  };
}

/** Hits. */
export const CACHE: readonly Scenario[] = [
  hits("cache-hit-1k", 1024, { nginx: 1.4, varnish: 1.4 }),
  hits("cache-hit-10k", 10 * 1024, { nginx: 1.4, varnish: 1.4 }),
  hits("cache-hit-1mib", 1024 * 1024, {}),
];
