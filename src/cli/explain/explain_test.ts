import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { profile } from "../../profiles/development.ts";
import { runCli, withConfig } from "../testing/run.ts";
import type { Explanation } from "./explain.ts";
import { copyFolder, newDirectory, putFile } from "../../config/testing/files.ts";

const CONFIG = `
[server]
listen = ["127.0.0.1:8080", "127.0.0.1:8081"]
regex_enabled = true
[server.limits]
max_request_body_bytes = 100

[[vhosts]]
name = "first"
hosts = ["first.example"]
redirect = { enabled = true, to = "https://second.example{uri}" }

[[vhosts]]
name = "second"
hosts = ["second.example", "*.second.example"]

[vhosts.access]
deny = ["10.0.0.0/8"]

[vhosts.web]
root = "site"

[[vhosts.routes]]
name = "app"
path_prefix = "/app"
strip_prefix = "/app"
rate_limit = { enabled = true, requests_per_second = 5 }
proxy = { upstream = "127.0.0.1:9" }

[[vhosts.routes]]
name = "posts"
path_prefix = "/app/posts"
methods = ["POST"]
proxy = { upstream = "127.0.0.1:9" }

[[vhosts.routes]]
name = "copied"
path_prefix = "/copied"
[vhosts.routes.proxy]
upstream = "127.0.0.1:9"
mirror = { enabled = true, base_url = "http://127.0.0.1:10" }

[[vhosts.routes]]
name = "calls"
path_prefix = "/calls"
grpc = { enabled = true }
proxy = { upstream = "127.0.0.1:9", upstream_http_version = "http2" }
`;

/** What the program says about a request, as data. */
function explained(...argv: string[]): Promise<Explanation> {
  return explainedBy(CONFIG, ...argv);
}

async function explainedBy(config: string, ...argv: string[]): Promise<Explanation> {
  let found: Explanation | undefined;
  await withConfig(config, async (path, directory) => {
    putFile(`${directory}/site/page.txt`, "text");
    const { status, out, err } = await runCli(profile, "explain", "--json", "-c", path, ...argv);
    assert.equal(err, "");
    assert.equal(status, 0);
    found = JSON.parse(out);
  });
  assert.ok(found !== undefined);
  return found;
}

function takenName(verdicts: readonly { name: string; taken: boolean }[]): string | undefined {
  return verdicts.find((verdict) => verdict.taken)?.name;
}

Deno.test("a file answers, and its path is reported", async () => {
  const { vhosts, steps, outcome } = await explained("http://a.second.example/page.txt");
  assert.equal(takenName(vhosts), "second");
  assert.ok(outcome.kind === "answered");
  assert.equal(outcome.status, 200);
  assert.equal(outcome.by, "web");
  assert.match(outcome.detail, /site\/page\.txt$/);
  assert.deepEqual(steps.map((s) => s.phase), ["access", "serve", "response"]);
});

Deno.test("an upstream is not asked, and what it would get is reported", async () => {
  const { routes, outcome } = await explained(
    "http://second.example/app/x?q=1",
    "-H",
    "X-Custom: yes",
    "--from",
    "192.0.2.7",
  );
  assert.equal(takenName(routes), "app");
  assert.ok(outcome.kind === "forwarded");
  assert.match(outcome.detail, /127\.0\.0\.1:9/);
  assert.equal(outcome.sends[0], "GET /x?q=1");
  for (const line of ["host: second.example", "x-custom: yes", "x-forwarded-for: 192.0.2.7"]) {
    assert.ok(outcome.sends.includes(line), line);
  }
});

Deno.test("a field and a target beyond ASCII and RFC 3986 are shown as they were asked", async () => {
  const { outcome } = await explained(
    "http://second.example/app/[x]?q={1}",
    "-H",
    "X-Custom: voilà",
  );
  assert.ok(outcome.kind === "forwarded");
  assert.equal(outcome.sends[0], "GET /[x]?q={1}");
  assert.ok(outcome.sends.includes("x-custom: voilà"), outcome.sends.join());
});

Deno.test("an empty port is no port, and an invalid host is refused", async () => {
  const served = await explained("http://second.example:/app/x");
  assert.ok(served.outcome.kind === "forwarded");
  assert.ok(served.outcome.sends.includes("host: second.example"));
  const { outcome } = await explained("http://second..example/app/x");
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 400);
});

Deno.test("for each route there is a reason", async () => {
  const { routes } = await explained("http://second.example/app/posts");
  assert.deepEqual(routes.map((r) => [r.name, r.taken]), [
    ["app", true],
    ["posts", false],
    ["copied", false],
    ["calls", false],
  ]);
  assert.match(routes[1].reason, /POST/);
  assert.match(routes[2].reason, /not under \/copied/);
});

Deno.test("a longer prefix with the right method goes first", async () => {
  const { routes } = await explained("http://second.example/app/posts", "-X", "POST");
  assert.equal(takenName(routes), "posts");
  assert.match(routes[0].reason, /route posts goes before it/);
});

Deno.test("a refusing policy ends the way, with its verdict", async () => {
  const { steps, outcome } = await explained(
    "http://second.example/page.txt",
    "--from",
    "10.1.2.3",
  );
  assert.deepEqual(steps.map((s) => [s.module, s.verdict]), [["access", "refuses"]]);
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 403);
});

Deno.test("policies behind one that refuses tell their verdicts, too", async () => {
  const ask = async (from: string) => {
    const { steps } = await explained("http://second.example/app/x", "--from", from);
    return steps.map(({ module, verdict, detail }) => [module, verdict, detail]);
  };
  const rate = (address: string) => `5 a second, burst 5: ${address} has a full bucket`;
  assert.deepEqual(await ask("10.1.2.3"), [
    ["access", "refuses", '403 "forbidden": address in deny'],
    ["rate-limit", "not run", rate("10.1.2.3")],
  ]);
  assert.deepEqual((await ask("192.0.2.7")).slice(0, 2), [
    ["access", "passes", "no rule denies it"],
    ["rate-limit", "passes", rate("192.0.2.7")],
  ]);
});

Deno.test("a mirror tells which requests it does not copy", async () => {
  const said = async (...argv: string[]) => {
    const { steps } = await explained(...argv, "http://second.example/copied");
    return steps.find(({ module }) => module === "traffic-mirror")?.detail;
  };
  assert.equal(await said(), "copies 1000 of 1000 requests to http://127.0.0.1:10");
  assert.equal(await said("-X", "POST"), "does not copy POST");
  assert.equal(await said("-H", "X-Fluxheim-Mirror: 1"), "does not copy what is a copy itself");
});

Deno.test("a redirect answers with its location", async () => {
  const { outcome } = await explained("http://first.example/x?y=1");
  assert.ok(outcome.kind === "answered");
  assert.equal(outcome.status, 308);
  assert.match(outcome.detail, /https:\/\/second\.example\/x\?y=1/);
});

Deno.test("an announced body over the limit is refused", async () => {
  const { outcome } = await explained(
    "http://second.example/app/x",
    "-X",
    "POST",
    "-H",
    "content-length: 101",
  );
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 413);
});

Deno.test("an unsafe path is asked about as it is written", async () => {
  const { asked, outcome } = await explained("http://second.example/a/../b");
  assert.equal(asked.target, "/a/../b");
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 400);
});

Deno.test("a head that the codec refuses gets its status", async () => {
  const { vhosts, outcome } = await explained("http://second.example/{raw}");
  assert.deepEqual(vhosts, []);
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 400);
});

Deno.test("every host field that is given is sent, as every other field is", async () => {
  const host = ["-H", "Host: second.example"];
  const { outcome } = await explained("http://second.example/app", ...host, ...host);
  assert.ok(outcome.kind === "refused");
  assert.equal(outcome.status, 400);
});

Deno.test("what comes after a value is sent, too", async () => {
  const argv = ["http://second.example/app", "-X", "POST", "-H"];
  const behind = async (end: string) =>
    (await explained(...argv, `content-length: 5${end}`)).outcome.kind;
  assert.equal(await behind(" "), "forwarded");
  assert.equal(await behind("\t"), "refused");
});

Deno.test("a request that a gRPC route does not take is shown as refused, not as forwarded", async () => {
  const get = await explained("http://second.example/calls/x");
  assert.ok(get.outcome.kind === "answered");
  assert.equal(get.outcome.status, 405);
  assert.equal(get.outcome.detail, "a gRPC route takes POST, not GET");
  const post = await explained("http://second.example/calls/x", "-X", "POST");
  assert.ok(post.outcome.kind === "refused");
  assert.equal(
    post.steps.at(-1)?.detail,
    '415 "unsupported media type": a gRPC route takes one content-type of application/grpc',
  );
});

Deno.test("the port of the URL chooses the listener", async () => {
  const { listeners } = await explained("http://second.example:8081/page.txt");
  assert.deepEqual(listeners.map((l) => [l.name, l.taken]), [
    ["127.0.0.1:8080", false],
    ["127.0.0.1:8081", true],
  ]);
});

Deno.test("a unix socket takes requests whose URL names no port, and its peer has no address", async () => {
  const config = CONFIG.replace(
    '"127.0.0.1:8080", "127.0.0.1:8081"',
    '"unix:app.sock", "[::1]:81"',
  );
  const { listeners, clientAddress } = await explainedBy(config, "http://second.example/page.txt");
  assert.deepEqual(listeners.map((l) => [l.description, l.taken]), [["unix", true], [
    "tcp",
    false,
  ]]);
  assert.match(listeners[0].name, /^unix:\/.*\/app\.sock$/);
  assert.equal(clientAddress, "");
  const other = await explainedBy(config, "http://second.example:81/page.txt");
  assert.deepEqual(other.listeners.map((l) => l.taken), [false, true]);
  assert.equal(other.listeners[0].reason, "is a unix socket, the request goes to port 81");
});

Deno.test("a request that nothing listens for is shown as such", async () => {
  for (const url of ["http://second.example:8082/", "https://second.example/"]) {
    const { outcome } = await explained(url);
    assert.equal(outcome.kind, "unheard", url);
  }
});

Deno.test("what is not a URL, a header or an address is wrong usage", async () => {
  for (
    const argv of [
      ["second.example/page"],
      ["http://second.example/", "-H", "no colon"],
      ["http://second.example/", "--from", "nowhere"],
      ["http://second.example/", "-X", "GE T"],
    ]
  ) {
    assert.equal((await runCli(profile, "explain", ...argv)).status, 2, argv.join(" "));
  }
});

Deno.test("the text for a person has every part", () =>
  withConfig(CONFIG, async (path) => {
    const { out } = await runCli(profile, "explain", "-c", path, "http://second.example/app/x");
    for (
      const part of ["\nlistener\n", "\nvhost\n", "\nroute\n", "\nsteps, in order\n", "\noutcome\n"]
    ) {
      assert.ok(out.includes(part), part);
    }
  }));

Deno.test("what the documentation shows is what is said", async () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const docs = await Deno.readTextFile(`${root}docs/cli.md`);
  const [, argv, shown] = /^\$ fluxheim (explain .*)\n([^`]*)```/m.exec(docs) ?? [];
  // A copy: a checkout may be writable by its group.
  const directory = newDirectory();
  copyFolder(`${root}examples`, directory);
  const words = argv.split(" ").map((word) => word.replace(/^examples/, directory));
  const { out, err } = await runCli(profile, ...words);
  Deno.removeSync(directory, { recursive: true });
  assert.equal(err, "");
  // Columns are as wide as what is left out; lines with dots stand for others, and each request has its id.
  const lines = (text: string) =>
    text.split("\n").map((line) =>
      line.trim().replace(/ {2,}/g, "  ").replace(/fh-[0-9a-f]{32}/, "fh-")
    );
  const said = lines(out);
  for (const line of lines(shown)) if (line !== "...") assert.ok(said.includes(line), line);
});

Deno.test("a host field goes before the URL's host", async () => {
  const { asked, vhosts } = await explained("http://first.example/", "-H", "Host: second.example");
  assert.equal(asked.authority, "second.example");
  assert.equal(takenName(vhosts), "second");
});

Deno.test("a configuration that cannot be served is reported in one line", () =>
  withConfig(
    `[geoip]
enabled = true
databases = [{ provider = "maxmind", path = "places.mmdb" }]
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
redirect = { enabled = true, to = "https://other.test/" }
`,
    async (path, directory) => {
      putFile(`${directory}/places.mmdb`, "nope");
      const { status, err } = await runCli(
        profile,
        "explain",
        "--config",
        path,
        "http://shop.test/",
      );
      assert.equal(status, 1);
      assert.match(
        err,
        /^fluxheim: geoip\.databases\[0\]\.path: .*places\.mmdb is not a Max/,
      );
      assert.equal(err.split("\n").length, 1);
    },
  ));
