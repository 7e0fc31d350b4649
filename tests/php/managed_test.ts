/** A php-fpm that the gateway runs (spec 07 section 19). */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { find, TempDir, until } from "../testing/peer.ts";
import { PHP_FPM, testWithPhp } from "../testing/php_fpm.ts";

/** Files of the application, and the content of `[vhosts.php.fpm]`. */
function config(dir: TempDir, fpm: string, php = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${dir.path}/www"
max_in_flight = 2
${php}
[vhosts.php.fpm]
mode = "managed"
php_fpm_binary = "${PHP_FPM}"
socket_dir = "${dir.path}/run"
${fpm}
`;
}

const HELLO = `<?php echo getmypid(), " ", posix_getppid(), " ", getenv("SECRET") ?: "-";`;

/** Files of php-fpm but for its logs. */
function leftIn(dir: TempDir): string[] {
  return [...Deno.readDirSync(`${dir.path}/run`)].map(({ name }) => name)
    .filter((name) => !name.endsWith(".log"));
}

/** Processes of a group. */
function groupOf(pgid: number): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(group) === pgid && state !== "Z") found.push(Number(name));
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Workers and masters run as root here, which php-fpm has to allow; a site is never to do that. */
function asRoot(): string {
  return Deno.uid() === 0
    ? 'user = "www-data"\ngroup = "www-data"\nlisten_owner = "root"\nlisten_group = "root"'
    : "";
}

function application(files: Readonly<Record<string, string>>): TempDir {
  const dir = new TempDir();
  Deno.chmodSync(dir.path, 0o755);
  for (const [name, content] of Object.entries(files)) dir.write(`www/${name}`, content);
  for (const path of ["www", ...Object.keys(files).map((name) => `www/${name}`)]) {
    Deno.chmodSync(`${dir.path}/${path}`, 0o755);
  }
  return dir;
}

for (
  const [kind, keys] of [
    ["static", "workers = 2\nlisten_backlog = 64"],
    [
      "dynamic",
      'workers = 3\nprocess_manager = "dynamic"\nmin_spare_servers = 1\nmax_spare_servers = 2\nmax_spawn_rate = 8',
    ],
    ["ondemand", 'workers = 2\nprocess_manager = "ondemand"\nprocess_idle_timeout_secs = 5'],
  ] as const
) {
  testWithPhp(`${kind}: a master and its workers come and go with the gateway`, async () => {
    await using dir = application({ "hello.php": HELLO });
    let group = 0;
    {
      await using gateway = await TestGateway.start(config(dir, `${keys}\n${asRoot()}`));
      const response = await fetch(gateway.url("/hello.php"));
      const [, master, secret] = (await response.text()).split(" ");
      group = Number(master);
      assert.equal(secret, "-");
      assert.ok(groupOf(group).includes(group));
      assert.equal(leftIn(dir).length, 3);
    }
    assert.deepEqual(groupOf(group), []);
    assert.deepEqual(leftIn(dir), []);
  });
}

testWithPhp("a master that is killed is replaced, and its workers go with it", async () => {
  await using dir = application({ "hello.php": HELLO });
  await using gateway = await TestGateway.start(config(dir, `workers = 3\n${asRoot()}`));
  const master = async () => {
    const response = await fetch(gateway.url("/hello.php"));
    const text = await response.text();
    return response.status === 200 ? Number(text.split(" ")[1]) : 0;
  };
  const first = await master();
  assert.ok(first > 1);
  Deno.kill(first, "SIGKILL");
  // Orphans answer until they are found: their parent is the first process of the system.
  await until("another master answers", async () => ![0, 1, first].includes(await master()));
  assert.deepEqual(groupOf(first), []);
  assert.match(
    gateway.process.output,
    /managed php-fpm stopped \(signal SIGKILL\); attempting restart/,
  );
  // It answers a moment before the log has it.
  await until("the log has it", () => gateway.process.output.includes("managed php-fpm restarted"));
});

testWithPhp("what a killed gateway leaves is swept at the next start", async () => {
  await using dir = application({ "hello.php": HELLO });
  const text = config(dir, `workers = 2\n${asRoot()}`);
  let group = 0;
  {
    await using gateway = await TestGateway.start(text);
    group = Number((await (await fetch(gateway.url("/hello.php"))).text()).split(" ")[1]);
    gateway.process.signal("SIGKILL");
    await gateway.process.ended;
  }
  assert.ok(groupOf(group).length > 0);
  await using gateway = await TestGateway.start(text);
  const [, master] = (await (await fetch(gateway.url("/hello.php"))).text()).split(" ");
  assert.notEqual(Number(master), group);
  assert.deepEqual(groupOf(group), []);
});

testWithPhp("work that goes on behind an answer is finished when the gateway stops", async () => {
  await using dir = application({
    "mail.php": `<?php echo "queued"; fastcgi_finish_request(); sleep(2);
      file_put_contents(sys_get_temp_dir() . "/" . $_GET["mark"], "sent");`,
  });
  const mark = `fluxheim-${crypto.randomUUID()}`;
  {
    await using gateway = await TestGateway.start(config(dir, `workers = 2\n${asRoot()}`));
    assert.equal(await (await fetch(gateway.url(`/mail.php?mark=${mark}`))).text(), "queued");
  }
  assert.equal(Deno.readTextFileSync(`/tmp/${mark}`), "sent");
  Deno.removeSync(`/tmp/${mark}`);
});

testWithPhp("a php-fpm that does not start keeps the gateway from serving", async () => {
  await using dir = application({ "hello.php": HELLO });
  const text = config(dir, `workers = 2\n${asRoot()}`).replace(PHP_FPM!, find("false")!);
  await assert.rejects(TestGateway.start(text), /failed to become ready/);
  assert.deepEqual(leftIn(dir), []);
});

testWithPhp(
  "a change of the process is refused in a running one, other changes are not",
  async () => {
    await using dir = application({ "hello.php": HELLO });
    await using gateway = await TestGateway.start(
      config(dir, `workers = 2\n${asRoot()}`, "request_timeout_secs = 30"),
    );
    const pid = async () => (await (await fetch(gateway.url("/hello.php"))).text()).split(" ")[1];
    const before = await pid();
    gateway.rewrite(
      "request_timeout_secs = 30",
      'request_timeout_secs = 20\nhide_response_headers = ["x-powered-by"]',
    );
    gateway.process.signal("SIGHUP");
    await until("the change holds", async () => {
      const response = await fetch(gateway.url("/hello.php"));
      await response.body?.cancel();
      return !response.headers.has("x-powered-by");
    });
    assert.equal(await pid(), before);
    gateway.rewrite("workers = 2", "workers = 3");
    gateway.process.signal("SIGHUP");
    await until(
      "it is refused",
      () => gateway.process.output.includes("managed-php-service-changed"),
    );
    assert.equal(await pid(), before);
  },
);
