/** Where the log of a real gateway goes, in which form, and what becomes of its files. */
import assert from "node:assert/strict";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";

function configText(logging: string): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
threads = 1
${logging}
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "{dir}/www"
`;
}

const FILES = { "www/index.html": "page" };

async function ask(gateway: TestGateway, path: string): Promise<void> {
  const answer = await fetch(gateway.url(path), { headers: { "user-agent": "probe/1" } });
  await answer.body?.cancel();
}

/** Lines of a log that are access records. */
/** What the file holds; nothing in the moment in which it is renamed and not there again. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function recordsIn(log: string): Record<string, unknown>[] {
  return log.split("\n").filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line))
    .filter((record) => !("level" in record));
}

Deno.test("a log file that was put aside is opened again on SIGUSR2, and no record is lost", async () => {
  await using gateway = await TestGateway.start(
    configText('[logging.file]\nenabled = true\npath = "{dir}/fluxheim.log"'),
    FILES,
  );
  const path = `${gateway.dir.path}/fluxheim.log`;
  await ask(gateway, "/1");
  await until("the first is logged", () => textOf(path).includes('"path":"/1"'));
  Deno.renameSync(path, `${path}.old`);
  await ask(gateway, "/2");
  const old = () => Deno.readTextFileSync(`${path}.old`);
  await until("the second is logged", () => old().includes('"path":"/2"'));
  Deno.kill(gateway.process.pid, "SIGUSR2");
  const now = () => textOf(path);
  await until("the file was opened again", () => now().includes("the log file was opened again"));
  await ask(gateway, "/3");
  await until("the third is logged", () => now().includes('"path":"/3"'));
  assert.deepEqual(recordsIn(old() + now()).map(({ path }) => path), ["/1", "/2", "/3"]);
});

Deno.test("a log file has a bound, and so many are kept", async () => {
  await using gateway = await TestGateway.start(
    configText(
      '[logging.file]\nenabled = true\npath = "{dir}/fluxheim.log"\nmax_bytes = "64KiB"\nmax_files = 2',
    ),
    FILES,
  );
  const path = `${gateway.dir.path}/fluxheim.log`;
  const long = "x".repeat(900);
  for (let i = 0; i < 400; i++) await ask(gateway, `/${i}-${long}`);
  const there = (name: string) => {
    try {
      return Deno.statSync(name).size;
    } catch {
      return undefined;
    }
  };
  await until("the last is logged", () => textOf(path).includes(`"path":"/399-`));
  for (const name of [path, `${path}.1`, `${path}.2`]) {
    const size = there(name);
    assert.ok(size !== undefined && size <= 128 * 1024, `${name}: ${size}`);
    for (const line of Deno.readTextFileSync(name).trimEnd().split("\n")) JSON.parse(line);
  }
  assert.equal(there(`${path}.3`), undefined);
});

Deno.test("records have the chosen fields, and statuses are sampled", async () => {
  await using gateway = await TestGateway.start(
    configText(
      `[logging.access]
fields = ["time", "status", "path", "user_agent", "latency_us", "protocol"]
rename = { path = "uri" }
sample_per_mille = { "2xx" = 0 }`,
    ),
    FILES,
  );
  await ask(gateway, "/");
  await ask(gateway, "/missing?q=secret");
  await until("one is logged", () => gateway.process.output.includes('"uri"'));
  const [record, ...more] = recordsIn(gateway.process.output);
  assert.deepEqual(more, []);
  const { time, latency_us, ...rest } = record;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.ok(Number(latency_us) > 0);
  assert.deepEqual(rest, {
    status: 404,
    uri: "/missing",
    user_agent: "probe/1",
    protocol: "HTTP/1.1",
  });
});

Deno.test("the combined format stands alone in its line", async () => {
  await using gateway = await TestGateway.start(
    configText('[logging.access]\nformat = "combined"'),
    FILES,
  );
  await ask(gateway, "/?q=secret");
  const line = /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 4 "-" "probe\/1"$/m;
  await until("it is logged", () => line.test(gateway.process.output));
  assert.ok(!gateway.process.output.includes("secret"));
});

/** What a syslog server gets, as RFC 5424 has it. */
const MESSAGE = /^<(\d+)>1 \d{4}-\d\d-\d\dT[\d:.]+Z - edge (\d+) (\S+) - (.*)$/;

function closing(server: Deno.DatagramConn): Disposable {
  return { [Symbol.dispose]: () => server.close() };
}

async function checkMessages(server: Deno.DatagramConn, gateway: TestGateway): Promise<void> {
  await ask(gateway, "/1");
  const seen: RegExpExecArray[] = [];
  // Those of the keeper come when the workers' have been sent.
  while (new Set(seen.map(([, , , id]) => id)).size < 2) {
    const [bytes] = await server.receive();
    const found = MESSAGE.exec(new TextDecoder().decode(bytes));
    assert.ok(found !== null, new TextDecoder().decode(bytes));
    seen.push(found);
  }
  const [last] = seen.filter(([, , , id]) => id === "access");
  // local3 is 19, informational is 6.
  assert.equal(last[1], String(19 * 8 + 6));
  assert.equal(JSON.parse(last[4]).path, "/1");
}

Deno.test("a syslog server gets each record in a datagram over UDP", async () => {
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  using _closed = closing(server);
  const { port } = server.addr as Deno.NetAddr;
  await using gateway = await TestGateway.start(
    configText(
      `[logging.syslog]\nenabled = true\naddress = "udp:127.0.0.1:${port}"\n` +
        'facility = "local3"\napp_name = "edge"',
    ),
    FILES,
  );
  await checkMessages(server, gateway);
});

Deno.test("a syslog server gets each record in a datagram over a unix socket", async () => {
  await using dir = new TempDir();
  const server = Deno.listenDatagram({ transport: "unixpacket", path: `${dir.path}/log` });
  using _closed = closing(server);
  await using gateway = await TestGateway.start(
    configText(
      `[logging.syslog]\nenabled = true\naddress = "unix:${dir.path}/log"\n` +
        'facility = "local3"\napp_name = "edge"',
    ),
    FILES,
  );
  await checkMessages(server, gateway);
});

Deno.test("lines that find no room are counted, and a server that comes late gets whole ones", async () => {
  await using dir = new TempDir();
  const port = freePort();
  const address = `${dir.path}/log`;
  await using gateway = await TestGateway.start(
    configText(
      `[logging.syslog]\nenabled = true\naddress = "unix:${address}"\napp_name = "edge"\n` +
        `[metrics]\nenabled = true\nlisten = "127.0.0.1:${port}"`,
    ),
    FILES,
  );
  await gateway.process.listening(port);
  const lost = async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/^fluxheim_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
  };
  // A ring holds four megabytes.
  const long = "x".repeat(7_000);
  for (let i = 0; i < 700; i++) await ask(gateway, `/${i}-${long}`);
  await until("lines are lost", async () => await lost() > 0);
  const server = Deno.listenDatagram({ transport: "unixpacket", path: address });
  using _closed = closing(server);
  for (let warned = false; !warned;) {
    const [bytes] = await server.receive();
    const found = MESSAGE.exec(new TextDecoder().decode(bytes));
    assert.ok(found !== null);
    if (found[3] === "access") JSON.parse(found[4]);
    warned = /log lines were lost/.test(found[4]);
  }
});

testWith(["script"], "records are for people at a terminal, unless a format is set", async () => {
  for (
    const [logging, shown] of [
      ["", /^[0-9:.]{12} 200 GET {2}\/ site \d+ ms 4 B 127\.0\.0\.1\r?$/m],
      ['[logging]\nformat = "json"', /^\{"event":"access",/m],
    ] as const
  ) {
    await using dir = new TempDir();
    dir.write("www/index.html", "page");
    const port = freePort();
    const text = configText(logging).replace("{port}", String(port)).replaceAll("{dir}", dir.path);
    const argv = await launchArguments(dir.write("fluxheim.toml", text));
    const command = [Deno.execPath(), ...argv].map((part) => `'${part}'`).join(" ");
    // A terminal of its own; what is written to it comes out.
    await using process = new Process("script", ["-qefc", command, "/dev/null"]);
    await process.listening(port);
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await until("it is logged", () => shown.test(process.output));
  }
});
