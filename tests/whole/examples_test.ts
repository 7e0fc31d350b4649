/**
 * Every folder of `examples/` is run: its `fluxheim.toml` as it is, but for the ports, which are free
 * ones. Addresses that the configuration listens on are the gateway's; behind every other address of
 * 127.0.0.1 stands an upstream that tells what it was asked. What is asked and what must come back
 * is in `try.toml`:
 *
 *     [[request]]
 *     path = "/docs/"            # asked of the first port, or of `listener = "127.0.0.1:8443"`
 *     method = "GET"             # optional, as are the next two
 *     host = "docs.example"
 *     headers = { accept = "text/html" }
 *     status = 200
 *     contains = "Welcome"       # in the body; for an upstream: what it was asked, as JSON
 *     answer = { etag = "W/" }   # each value is contained in the field's; "" means: is not there
 *
 * A `setup.sh` beside it (certificates, say) is run first. A folder with a `gateway.ts` is a gateway of its
 * own: that program is run, with the permissions it asks for itself.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { z } from "zod";
import { launchArguments } from "../testing/gateway.ts";
import { find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import { copyFolder } from "../../src/config/testing/files.ts";

const examples = new URL("../../examples/", import.meta.url);

const trySchema = z.strictObject({
  request: z.array(z.strictObject({
    path: z.string(),
    listener: z.string().optional(),
    method: z.string().default("GET"),
    host: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().optional(),
    times: z.int().default(1),
    status: z.int(),
    contains: z.string().optional(),
    answer: z.record(z.string(), z.string()).default({}),
  })),
});

type Try = z.output<typeof trySchema>["request"][number];

for (const entry of [...Deno.readDirSync(examples)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!entry.isDirectory) continue;
  const folder = new URL(`${entry.name}/`, examples);
  const programs = exists(new URL("setup.sh", folder)) ? ["curl", "bash", "openssl"] : ["curl"];
  if (needsPhp(folder) && PHP_FPM === undefined) programs.push("php-fpm");
  testWith(programs, `the example ${entry.name} does what it says`, () => runExample(folder));
}

function needsPhp(folder: URL): boolean {
  return /^\[vhosts\.php\]/m.test(Deno.readTextFileSync(new URL("fluxheim.toml", folder)));
}

async function runExample(folder: URL): Promise<void> {
  await using dir = new TempDir();
  copyFolder(fileURLToPath(folder).replace(/\/$/, ""), `${dir.path}/example`);
  const path = `${dir.path}/example/fluxheim.toml`;
  if (exists(new URL("setup.sh", folder))) await setUp(`${dir.path}/example`);

  const ports = new Map<string, number>();
  const text = Deno.readTextFileSync(path);
  for (const [, port] of text.matchAll(/127\.0\.0\.1:(\d+)/g)) {
    if (!ports.has(port)) ports.set(port, freePort());
  }
  const ours = new Set<string>();
  for (const [, list] of text.matchAll(/^(?:tls_)?listen\s*=\s*(\[[^\]]*\]|".*")/gm)) {
    for (const [, port] of list.matchAll(/127\.0\.0\.1:(\d+)/g)) ours.add(port);
  }
  Deno.writeTextFileSync(
    path,
    text.replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${ports.get(port)}`),
  );

  await using upstreams = new AsyncDisposableStack();
  for (const [port, mapped] of ports) {
    if (!ours.has(port)) upstreams.use(await Upstream.start(tell, mapped));
  }
  for (const [, socket] of text.matchAll(/^upstream\s*=\s*"unix:([^"]*)"/gm)) {
    upstreams.use(await Upstream.start(tell, `${dir.path}/example/${socket}`));
  }
  // A relative `socket` is that of php-fpm, of which there is one.
  const php = /^(?:fpm\.)?socket\s*=\s*"([^"/]*)"/m.exec(text)?.[1];
  if (php !== undefined) {
    upstreams.use(await PhpFpm.start({}, { socket: `${dir.path}/example/${php}` }));
  }
  await using gateway = new Process(Deno.execPath(), await argumentsOf(folder, path));
  const first = [...ours][0];
  await gateway.listening(ports.get(first)!);
  const { request } = trySchema.parse(parse(Deno.readTextFileSync(new URL("try.toml", folder))));
  for (const wanted of request) {
    const at = await placeOf(wanted.listener);
    for (let i = 1; i < wanted.times; i++) await ask(wanted, at);
    await check(wanted, at);
  }

  /** The port of a listener, or the path of its socket, which is there a moment after the ports. */
  async function placeOf(listener = `127.0.0.1:${first}`): Promise<number | string> {
    const [kind, place] = listener.split(":");
    if (kind !== "unix") {
      const port = ports.get(place)!;
      // That of a service is bound a moment after the others.
      if (ours.has(place)) await gateway.listening(port);
      return port;
    }
    const path = `${dir.path}/example/${place}`;
    await until("the socket is there", () => exists(new URL(`file://${path}`)));
    return path;
  }
}

/** Arguments of `deno` that run the gateway of an example on the configuration at `path`. */
async function argumentsOf(folder: URL, path: string): Promise<string[]> {
  const program = new URL("gateway.ts", folder);
  if (!exists(program)) return await launchArguments(path);
  const own = [fileURLToPath(program), path];
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", ...own, "flags"],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return ["run", "-q", ...new TextDecoder().decode(stdout).trim().split("\n"), ...own];
}

/** Tells the client what the upstream was asked. */
const tell: Parameters<typeof Upstream.start>[0] = (request, response, body) => {
  response.setHeader("content-type", "application/json");
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, headers, body }));
};

async function check(wanted: Try, at: number | string): Promise<void> {
  const { status, fields, body } = await ask(wanted, at);
  const what = `${wanted.method} ${wanted.host ?? ""}${wanted.path}`;
  assert.equal(status, wanted.status, `${what}: ${body}`);
  if (wanted.contains !== undefined) {
    assert.ok(body.includes(wanted.contains), `${what}: no "${wanted.contains}" in ${body}`);
  }
  for (const [name, value] of Object.entries(wanted.answer)) {
    const got = fields.get(name.toLowerCase());
    if (value === "") assert.equal(got, undefined, `${what}: ${name}`);
    else assert.ok(got?.includes(value), `${what}: ${name} is ${got}`);
  }
}

/** One request with curl, as a user would make it. */
async function ask(
  { path, method, host, headers, body, listener }: Try,
  at: number | string,
): Promise<{ status: number; fields: Map<string, string>; body: string }> {
  const secure = listener !== undefined && /443$/.test(listener);
  const args = ["-sS", "-k", "-i", "--path-as-is", "-m", "10"];
  if (method === "HEAD") args.push("-I");
  else args.push("-X", method);
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  if (body !== undefined) args.push("--data-binary", body);
  const name = host ?? "127.0.0.1";
  const port = typeof at === "number" ? at : 80;
  if (typeof at === "string") args.push("--unix-socket", at);
  else args.push("--connect-to", `${name}:${port}:127.0.0.1:${port}`);
  if (!headers.host && host !== undefined) args.push("-H", `Host: ${host}`);
  args.push(`${secure ? "https" : "http"}://${name}:${port}${path}`);
  const { stdout, stderr, success } = await new Deno.Command(find("curl")!, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const text = new TextDecoder().decode(stdout);
  const end = text.indexOf("\r\n\r\n");
  const lines = text.slice(0, end).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    const field = line.slice(0, colon).toLowerCase();
    const before = fields.get(field);
    const value = line.slice(colon + 1).trim();
    fields.set(field, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(lines[0].split(" ")[1]), fields, body: text.slice(end + 4) };
}

async function setUp(cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("bash", { args: ["setup.sh"], cwd }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}
