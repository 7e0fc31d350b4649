/** What a gateway can still do after it has given up what only its start needed. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/run/fluxheim.pid"
[logging.file]
enabled = true
path = "{dir}/log/fluxheim.log"
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "{dir}/www"
[vhosts.headers.response.set]
x-generation = "0"
`;

Deno.test("a gateway whose log file is closed to it logs on, reloads, and removes its pid file", async () => {
  await using gateway = await TestGateway.start(CONFIG, {
    "www/index.html": "page",
    "log/.keep": "",
    "run/.keep": "",
  });
  const log = () => Deno.readTextFileSync(`${gateway.dir.path}/log/fluxheim.log`);
  const pidFile = `${gateway.dir.path}/run/fluxheim.pid`;
  await until("the pid file is there", () => Deno.lstat(pidFile).then(() => true, () => false));
  gateway.rewrite('"0"', '"1"');
  gateway.process.signal("SIGHUP");
  await until("the reload is told", () => /reload/.test(log()));
  assert.match(log(), /reload: the new configuration serves/);
  const answer = await fetch(gateway.url("/"));
  assert.equal(await answer.text(), "page");
  assert.equal(answer.headers.get("x-generation"), "1");
  await gateway.process.stop();
  assert.match(log(), /"event":"access"/);
  assert.match(log(), /"message":"stopped"/);
  await assert.rejects(Deno.lstat(pidFile), Deno.errors.NotFound);
});
