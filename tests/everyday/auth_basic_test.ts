/** Names and passwords from a file, with the programs that make such files. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { Upstream } from "../testing/upstream.ts";

const USERS = `# made by openssl passwd -6
alice:$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1
`;

function config(more: string, table = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
web.root = "{dir}/site"
[vhosts.auth_basic]
users_file = "{dir}/users"
realm = "team"
${table}
${more}`;
}

const FILES = { "site/index.html": "inside", "site/pub/a.txt": "public" };

function basic(user: string, password: string): Record<string, string> {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

async function ask(gateway: TestGateway, path: string, headers: HeadersInit = {}) {
  const response = await fetch(gateway.url(path), { headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** The line that `command` makes of a password, with a name. */
async function made(command: string, args: string[], input?: string): Promise<string | undefined> {
  try {
    const child = new Deno.Command(command, {
      args,
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    if (input !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input));
      await writer.close();
    }
    const { stdout, success } = await child.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

Deno.test("files and upstreams are there for those who know a password, and for no other client", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(
    config(
      `[[vhosts.routes]]
name = "app"
path_prefix = "/app"
proxy.upstream = "127.0.0.1:${upstream.port}"
`,
      'user_header = "x-user"',
    ),
    { ...FILES, users: USERS },
  );
  const none = await ask(gateway, "/");
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), 'Basic realm="team", charset="UTF-8"');
  assert.equal((await ask(gateway, "/", basic("alice", "Hello world!"))).text, "inside");
  for (
    const headers of [
      basic("alice", "wrong"),
      basic("bob", "Hello world!"),
      basic("", "Hello world!"),
      { authorization: "Basic !!!" },
      { authorization: "Basic" },
      { authorization: "Bearer x" },
      { authorization: `Basic ${btoa("alice:Hello world!\0")}` },
    ]
  ) assert.equal((await ask(gateway, "/", headers)).status, 401);
  const headers = {
    ...basic("alice", "Hello world!"),
    "x-user": "root",
    x_user: "root",
    "x.user": "root",
  };
  const app = await ask(gateway, "/app", headers);
  assert.equal(app.status, 200);
  const sent = upstream.seen.at(-1)?.headers ?? {};
  assert.equal(sent["x-user"], "alice");
  assert.deepEqual([sent["x_user"], sent["x.user"], sent.authorization], Array(3).fill(undefined));
});

Deno.test("hashes of htpasswd, argon2, openssl and a password with colons and other letters", async () => {
  const password = "a:b:é";
  const lines = [
    await made("htpasswd", ["-nbBC", "5", "bcrypt", password]),
    await made("openssl", ["passwd", "-6", password]).then((hash) => hash && `sha512:${hash}`),
    await made("argon2", ["saltsalt", "-id", "-e", "-t", "2", "-k", "4096"], password)
      .then((hash) => hash && `argon2id:${hash}`),
  ].filter((line) => line !== undefined);
  assert.ok(lines.length > 0, "none of htpasswd, openssl and argon2 is here");
  await using gateway = await TestGateway.start(config(""), {
    ...FILES,
    users: lines.join("\n"),
  });
  for (const line of lines) {
    const [user] = line.split(":");
    assert.equal((await ask(gateway, "/", basic(user, password))).status, 200, user);
    assert.equal((await ask(gateway, "/", basic(user, "a:b"))).status, 401, user);
  }
});

Deno.test("a reload takes up a changed file, and forgets who was right before", async () => {
  await using gateway = await TestGateway.start(config(""), { ...FILES, users: USERS });
  const alice = basic("alice", "Hello world!");
  assert.equal((await ask(gateway, "/", alice)).status, 200);
  gateway.dir.write("users", USERS.replace("alice:", "carol:"));
  gateway.process.signal("SIGHUP");
  while ((await ask(gateway, "/", basic("carol", "Hello world!"))).status !== 200);
  assert.equal((await ask(gateway, "/", alice)).status, 401);
});

Deno.test("a client that guesses is made to wait, and costs others nothing", async () => {
  await using gateway = await TestGateway.start(
    config("").replace("[server]", '[server]\ntrusted_proxies = ["127.0.0.1"]'),
    { ...FILES, users: USERS },
  );
  const from = (address: string) => ({ "x-forwarded-for": address });
  let last = 0;
  for (let i = 0; i < 40 && last !== 429; i++) {
    const answer = await ask(gateway, "/", { ...from("192.0.2.1"), ...basic("alice", `no ${i}`) });
    last = answer.status;
    if (last === 429) assert.ok(Number(answer.headers.get("retry-after")) > 0);
  }
  assert.equal(last, 429);
  const other = { ...from("192.0.2.2"), ...basic("alice", "Hello world!") };
  assert.equal((await ask(gateway, "/", other)).status, 200);
});

Deno.test("a file that cannot be used is refused with its line, and nothing of it is shown", async () => {
  for (
    const [content, message] of [["alice:SECRET123", /line 1 of .*\/users has no hash/]] as const
  ) {
    await assert.rejects(
      TestGateway.start(config(""), { ...FILES, users: content }),
      (error: Error) => message.test(error.message) && !error.message.includes("SECRET123"),
    );
  }
});
