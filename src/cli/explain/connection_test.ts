import assert from "node:assert/strict";
import { profile } from "../../profiles/development.ts";
import { runCli, withConfig } from "../testing/run.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:8080"]
[stream]
enabled = true
[[stream.routes]]
name = "db"
listen = ["127.0.0.1:5432", "127.0.0.2:5432"]
upstreams = ["10.0.0.5:5432", "10.0.0.6:5432", "10.0.0.7:5432"]
upstream_aliases = ["main", "spare", "old"]
upstream_weights = [3, 1, 1]
backup_upstreams = ["10.0.0.6:5432"]
drain_upstreams = ["10.0.0.7:5432"]
allow_sources = ["10.0.0.0/8"]
[[stream.routes]]
name = "mail"
listen = ["127.0.0.1:993"]
match_sni = ["mail.test"]
upstream = "mail.test:993"
upstream_proxy_protocol = "v2"
[[stream.routes]]
name = "other"
listen = ["127.0.0.1:993"]
match_alpn = ["imap"]
upstream = "other.test:993"
`;

async function explained(...argv: string[]): Promise<string> {
  let text = "";
  await withConfig(CONFIG, async (path) => {
    const { status, out, err } = await runCli(profile, "explain", "-c", path, ...argv);
    assert.equal(err, "");
    assert.equal(status, 0);
    text = out.replaceAll(/ +/g, " ");
  });
  return text;
}

async function misused(...argv: string[]): Promise<string> {
  let text = "";
  await withConfig(CONFIG, async (path) => {
    const { status, err } = await runCli(profile, "explain", "-c", path, ...argv);
    assert.notEqual(status, 0);
    text = err;
  });
  return text;
}

Deno.test("a stream is explained from its listener to the upstreams in their order", async () => {
  const text = await explained("tcp://127.0.0.1:5432", "--from", "10.1.2.3");
  assert.match(text, /^tcp:\/\/127\.0\.0\.1:5432 from 10\.1\.2\.3\n/);
  assert.match(text, /\* 127\.0\.0\.1:5432 tcp on its port/);
  assert.match(text, / 127\.0\.0\.2:5432 127\.0\.0\.1:5432 comes first/);
  assert.match(
    text,
    / upstreams 10\.0\.0\.5:5432 \(main, weight 3\), 10\.0\.0\.6:5432 \(spare, weight 1\) as a backup\n/,
  );
  assert.match(text, /outcome\n stream-proxy: passed on/);
  assert.doesNotMatch(text, /10\.0\.0\.7/);
});

Deno.test("a client that the lists do not serve is rejected", async () => {
  const text = await explained("tcp://127.0.0.1:5432", "--from", "192.0.2.1");
  assert.match(text, / sources 192\.0\.2\.1 is not in allow_sources\n/);
  assert.match(text, /outcome\n stream-proxy: closed as rejected; no upstream is asked$/);
});

Deno.test("name and protocol choose among routes of one listener", async () => {
  const mail = await explained("tcp://127.0.0.1:993", "--sni", "MAIL.test");
  assert.match(mail, /\* mail takes TLS for mail\.test/);
  assert.match(mail, / introduction PROXY v2/);
  const other = await explained("tcp://127.0.0.1:993", "--sni", "x.test", "--alpn", "imap");
  assert.match(other, /\* other takes TLS for any name that offers imap/);
  const none = await explained("tcp://127.0.0.1:993", "--sni", "x.test");
  assert.match(none, /closed: no route of the listener has this name and protocol$/);
});

Deno.test("a port that no route has is reported as such, and JSON has the same", async () => {
  assert.match(await explained("tcp://127.0.0.1:1"), /no route listens there$/);
  const { found } = JSON.parse(
    await explained("--json", "tcp://127.0.0.1:5432", "--from", "10.0.0.1"),
  );
  assert.equal(found[0].routes[0].name, "db");
});

Deno.test("what is not an address, and options of the other kind, are refused by name", async () => {
  assert.match(await misused("tcp://127.0.0.1"), /is not an address like tcp:/);
  assert.match(await misused("tcp://127.0.0.1:5432", "-X", "POST"), /--method is for http/);
  assert.match(await misused("http://localhost/", "--sni", "a.test"), /--sni is for tcp/);
});
