/** TCP streams with the programs that they are for: databases, other gateways, bulk traffic. */
import assert from "node:assert/strict";
import {
  find,
  freePort,
  Process,
  TempDir,
  testUnlessMissing,
  testWith,
  until,
} from "../testing/peer.ts";
import { MARIADB, POSTGRES, startMariaDb, startPostgres } from "../testing/databases.ts";
import { StreamGateway } from "../testing/streams.ts";

const decoder = new TextDecoder();

/** Runs a program to its end and returns what it printed; fails with what it complained about. */
async function run(program: string, args: readonly string[], stdin = ""): Promise<string> {
  const child = new Deno.Command(find(program)!, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, `${program}: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  return decoder.decode(stdout);
}

testWith(
  [...POSTGRES, "psql"],
  "PostgreSQL: a session, a bulk load and a notification go through",
  async () => {
    await using dir = new TempDir();
    const port = freePort();
    await using postgres = await startPostgres(dir, port);
    await using gateway = await StreamGateway.start(
      `upstreams = ["127.0.0.1:${port}"]\nupstream_aliases = ["primary"]`,
    );
    const psql = (sql: string) =>
      run(
        "psql",
        ["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", `${gateway.port}`, "-U", "postgres"],
        sql,
      );
    assert.equal(await psql("create table t (n int, s text); select 1;"), "1\n");
    const rows = Array.from({ length: 50_000 }, (_, n) => `${n}\t${"x".repeat(n % 90)}`);
    await psql(`copy t from stdin;\n${rows.join("\n")}\n\\.\n`);
    assert.equal(await psql("select count(*), sum(n), sum(length(s)) from t;"), sumOf(rows));
    const all = await psql("copy (select * from t order by n) to stdout;");
    assert.equal(all.trimEnd(), rows.join("\n"));
    assert.match(await psql("listen word; notify word, 'hello';"), /hello/);
    await gateway.outcomes(5);
    assert.deepEqual(new Set(gateway.logged("outcome")), new Set(["completed"]));
    assert.deepEqual(new Set(gateway.logged("upstream")), new Set(["primary"]));
    // The server goes while a session is open: its client is not left waiting.
    const session = psql("select pg_sleep(3600);").catch((error: Error) => error.message);
    await until("the session is there", async () => {
      const count = "select count(*) from pg_stat_activity where query like '%sleep(3600)%';";
      return Number(await psql(count)) >= 2;
    });
    postgres.signal("SIGINT");
    assert.match(await session, /terminating connection|server closed the connection/);
  },
);

function sumOf(rows: readonly string[]): string {
  let sum = 0;
  let length = 0;
  for (const row of rows) {
    const [n, s] = row.split("\t");
    sum += Number(n);
    length += s.length;
  }
  return `${rows.length}|${sum}|${length}\n`;
}

testWith(
  ["redis-server", "redis-cli"],
  "Redis: pipelines, large values and subscriptions",
  async () => {
    const port = freePort();
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    await using _ = await new Process("redis-server", args).listening(port);
    await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${port}"`);
    const cli = ["-h", "127.0.0.1", "-p", `${gateway.port}`];
    const commands = Array.from({ length: 20_000 }, (_, i) => `INCRBY total ${i}\n`).join("");
    assert.match(await run("redis-cli", [...cli, "--pipe"], commands), /errors: 0, replies: 20000/);
    assert.equal(await run("redis-cli", [...cli, "get", "total"]), "199990000\n");
    const large = "v".repeat(8 * 1024 * 1024);
    await run("redis-cli", [...cli, "-x", "set", "large"], large);
    assert.equal((await run("redis-cli", [...cli, "get", "large"])).trimEnd().length, large.length);
    await using subscriber = new Process(find("redis-cli")!, [...cli, "subscribe", "news"]);
    await until("it has subscribed", () => /subscribe/.test(subscriber.output));
    await run("redis-cli", [...cli, "publish", "news", "word"]);
    await until("the message came", () => /message\s+news\s+word/.test(subscriber.output));
  },
);

testWith(
  [...MARIADB, "mariadb"],
  "MariaDB speaks first, and its client works through it",
  async () => {
    await using dir = new TempDir();
    const port = freePort();
    await using _server = await startMariaDb(dir, port);
    await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${port}"`);
    const client = [
      "-h",
      "127.0.0.1",
      "-P",
      `${gateway.port}`,
      "-u",
      "root",
      "-N",
      "--protocol=tcp",
    ];
    const sql = (text: string) => run("mariadb", [...client, "--max-allowed-packet=64M"], text);
    await sql("create database d; create table d.t (n int, s longtext);");
    const values = Array.from({ length: 1000 }, (_, n) => `(${n}, repeat('y', 1000))`);
    await sql(`insert into d.t values ${values};`);
    assert.equal(
      await sql("select count(*), sum(n), sum(length(s)) from d.t;"),
      "1000\t499500\t1000000\n",
    );
  },
);

/** Debian has the streams of nginx in a module of their own. */
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Why tests with nginx's streams cannot run here. */
function missingNginx(): string[] {
  const missing = find("nginx") === undefined ? ["nginx"] : [];
  try {
    Deno.statSync(STREAM_MODULE);
  } catch {
    missing.push("libnginx-mod-stream");
  }
  return missing;
}

/** An nginx with `stream` as the body of its stream block, in which `{port}` is its port. */
async function nginxStream(stream: string): Promise<{ port: number } & AsyncDisposable> {
  const port = freePort();
  await using made = new AsyncDisposableStack();
  const dir = made.use(new TempDir());
  const config = dir.write(
    "nginx.conf",
    `load_module ${STREAM_MODULE};
     daemon off; master_process off; pid ${dir.path}/pid; error_log stderr;
     events { worker_connections 64; }
     stream { ${stream.replaceAll("{port}", String(port))} }`,
  );
  const process = made.use(
    new Process(find("nginx")!, ["-c", config, "-p", dir.path, "-e", "stderr"]),
  );
  await process.listening(port);
  const stack = made.move();
  return { port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** An HAProxy of this configuration after its defaults. */
async function haproxy(port: number, text: string): Promise<AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const dir = made.use(new TempDir());
  const path = dir.write(
    "haproxy.cfg",
    `defaults\n  mode tcp\n  timeout client 60s\n  timeout connect 5s\n  timeout server 60s\n${text}`,
  );
  const process = made.use(new Process(find("haproxy")!, ["-f", path, "-db"]));
  await process.listening(port);
  const stack = made.move();
  return { [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

for (const version of ["v1", "v2"]) {
  testUnlessMissing(
    missingNginx(),
    `nginx reads the PROXY ${version} header of a stream, and the addresses are the client's`,
    async () => {
      await using peer = await nginxStream(
        `server { listen 127.0.0.1:{port} proxy_protocol;
         return "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; }`,
      );
      await using gateway = await StreamGateway.start(
        `upstream = "127.0.0.1:${peer.port}"\nupstream_proxy_protocol = "${version}"`,
      );
      using client = await gateway.connect();
      const { port } = client.localAddr;
      const buffer = new Uint8Array(256);
      const count = await client.read(buffer) ?? 0;
      assert.equal(
        decoder.decode(buffer.subarray(0, count)),
        `127.0.0.1 ${port} 127.0.0.1 ${gateway.port}`,
      );
    },
  );

  testWith(
    ["haproxy"],
    `HAProxy's PROXY ${version} header is read, judged and passed on as the other version`,
    async () => {
      const other = version === "v1" ? "v2" : "v1";
      const [first, last] = [freePort(), freePort()];
      await using _ = await haproxy(
        last,
        `frontend last\n  bind 127.0.0.1:${last} accept-proxy\n  mode http\n` +
          `  http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"\n`,
      );
      await using gateway = await StreamGateway.start(
        `upstream = "127.0.0.1:${last}"
trusted_proxies = ["127.0.0.1"]
downstream_proxy_protocol = "${version}"
upstream_proxy_protocol = "${other}"
allow_sources = ["127.0.0.7"]`,
      );
      await using __ = await haproxy(
        first,
        `frontend first\n  bind 127.0.0.1:${first}\n  default_backend gateway\n` +
          `backend gateway\n  server g 127.0.0.1:${gateway.port} send-proxy${
            version === "v2" ? "-v2" : ""
          }\n`,
      );
      const url = `http://127.0.0.1:${first}/`;
      const curl = ["-sS", "-m", "20"];
      assert.equal(
        await run("curl", [...curl, "--interface", "127.0.0.7", url]),
        `127.0.0.7 ${gateway.port}`,
      );
      // Its neighbour is not among the sources, although the peer is the same.
      await assert.rejects(run("curl", [...curl, "--interface", "127.0.0.8", url]));
      await until("it is refused", () => gateway.logged("outcome").includes("rejected"));
    },
  );
}

testWith(["iperf3"], "iperf3 moves bulk both ways, and the counts of both ends agree", async () => {
  const port = freePort();
  await using _ = new Process(find("iperf3")!, ["-s", "-p", `${port}`, "-B", "127.0.0.1"]);
  await until("it listens", async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${port}"`);
  for (const direction of [[], ["--reverse"], ["--bidir"]]) {
    const args = ["-c", "127.0.0.1", "-p", `${gateway.port}`, "-n", "200M", "-P", "2", "-J"];
    let report: Report = {};
    // The server takes one test at a time and may not have ended the last.
    await until("the server is free", async () => {
      report = JSON.parse(await run("iperf3", [...args, ...direction]).catch(() => "{}"));
      return report.end !== undefined && report.error === undefined;
    });
    // Both ways at once it ends when one of them is through.
    const end = report.end!;
    const sent = end.sum_sent.bytes + (end.sum_sent_bidir_reverse?.bytes ?? 0);
    const received = end.sum_received.bytes + (end.sum_received_bidir_reverse?.bytes ?? 0);
    assert.ok(sent >= 200_000_000, `${direction}: ${sent} sent`);
    // What is still in flight when a test ends is not counted by its receiver.
    assert.ok(received > 150_000_000, `${direction}: ${received} received`);
  }
  await until("the streams are over", () => gateway.logged("outcome").length >= 9);
});

interface Sum {
  readonly bytes: number;
}

/** What iperf3 reports, as far as it is looked at. */
interface Report {
  readonly error?: string;
  readonly end?: {
    readonly sum_sent: Sum;
    readonly sum_received: Sum;
    readonly sum_sent_bidir_reverse?: Sum;
    readonly sum_received_bidir_reverse?: Sum;
  };
}
