/** What a scrape shows of a pool. */
import assert from "node:assert/strict";
import { freePort, until } from "../testing/peer.ts";
import { Balanced } from "../testing/balanced.ts";

Deno.test("a scrape has the events of members by their names, and the pools by their selection", async () => {
  const port = freePort();
  await using pool = await Balanced.start(
    2,
    `upstream_aliases = ["one", "two"]
[proxy.load_balance.queue]
max_waiting = 1
timeout_ms = 60000
[proxy.load_balance.health_check]
enabled = false
`,
    { root: `[metrics]\nenabled = true\nlisten = "127.0.0.1:${port}"\n`, threads: 2 },
  );
  for (let i = 0; i < 10; i++) await pool.get();
  let text = "";
  const shows = (line: string) => text.split("\n").includes(line);
  await until("the counts are shown", async () => {
    text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      () => "",
    );
    return shows(
      'fluxheim_load_balancer_events_total{scope="vhost",vhost="default",route="",upstream="one",event="selected"} 5',
    );
  });
  assert.ok(shows(
    'fluxheim_load_balancer_events_total{scope="vhost",vhost="default",route="",upstream="two",event="success"} 5',
  ));
  assert.ok(shows('fluxheim_load_balancer_pools{scope="vhost",selection="round_robin"} 1'), text);
  assert.ok(!text.includes(`127.0.0.1:${pool.members[0].port}`));
});
