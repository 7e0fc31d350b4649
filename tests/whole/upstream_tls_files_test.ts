/** Files for TLS to upstreams that cannot serve (spec 02 section 9.1): refused as those of listeners are. */
import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, freePort, Process, TempDir, until } from "../testing/peer.ts";

const authority = new TestAuthority();
const origin = authority.issue({ name: "origin.test" });
const client = authority.issue({ name: "gateway.test" });
const renewed = authority.issue({ name: "renewed.test" });

const FILES = {
  "ca/root.pem": authority.root,
  "ca/client.pem": client.cert,
  "ca/client.key": client.key,
};

function config(port: number): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
pid_file = "{dir}/fluxheim.pid"
[[vhosts]]
name = "shop"
hosts = ["127.0.0.1"]
[vhosts.proxy]
upstream = "127.0.0.1:${port}"
upstream_tls = true
upstream_sni = "origin.test"
upstream_ca_path = "{dir}/ca/root.pem"
upstream_client_cert_path = "{dir}/ca/client.pem"
upstream_client_key_path = "{dir}/ca/client.key"
`;
}

const KEY_NAMES = {
  root: "upstream_ca_path",
  cert: "upstream_client_cert_path",
  key: "upstream_client_key_path",
} as const;

/** How a file is made unfit, and how the program puts it. */
interface Fault {
  readonly what: string;
  readonly file: keyof typeof KEY_NAMES;
  readonly name: string;
  /** Its content; `undefined` for none, `null` for a directory in its place. */
  readonly content: string | undefined | null;
  readonly reason: string;
}

const TOO_LARGE = " ".repeat(1024 * 1024 + 1);

const FAULTS: readonly Fault[] = [
  {
    what: "a key of another certificate",
    file: "key",
    name: "client.key",
    content: renewed.key,
    reason: "is not the key of the certificate",
  },
  {
    what: "a certificate that is no PEM",
    file: "cert",
    name: "client.pem",
    content: "x",
    reason: "has no PEM certificate in it",
  },
  {
    what: "an authority's file without a certificate",
    file: "root",
    name: "root.pem",
    content: "x",
    reason: "has no PEM certificate in it",
  },
  ...(["root", "cert", "key"] as const).flatMap((file): Fault[] => {
    const name = { root: "root.pem", cert: "client.pem", key: "client.key" }[file];
    const base = { file, name };
    return [
      { ...base, what: `no ${name}`, content: undefined, reason: "does not exist" },
      { ...base, what: `a directory ${name}`, content: null, reason: "is not a regular file" },
      {
        ...base,
        what: `a ${name} beyond the limit`,
        content: TOO_LARGE,
        reason: "is larger than 1048576 bytes",
      },
    ];
  }),
];

function spoil(dir: TempDir, { name, content }: Fault): void {
  const path = `${dir.path}/ca/${name}`;
  if (content === undefined || content === null) Deno.removeSync(path);
  else dir.write(`ca/${name}`, content);
  if (content === null) Deno.mkdirSync(path);
}

/** What `--validate-config` says with the fault, and its status. */
async function validated(fault: Fault): Promise<{ code: number; text: string; dir: string }> {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(FILES)) dir.write(name, content);
  const text = config(DEAD_PORT).replaceAll("{port}", String(freePort()));
  const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
  const args = await launchArguments(path);
  spoil(dir, fault);
  await using process = new Process(Deno.execPath(), [...args, "--validate-config"]);
  const { code } = await process.ended;
  await process.stop();
  return { code, text: process.output, dir: dir.path };
}

for (const fault of FAULTS) {
  Deno.test(`${fault.what} is refused with file, line, key, vhost and reason`, async () => {
    const { code, text, dir } = await validated(fault);
    const key = KEY_NAMES[fault.file];
    const number = config(0).split("\n").findIndex((line) => line.startsWith(key)) + 1;
    const line = `${dir}/fluxheim.toml:${number}: vhosts[0].proxy.${key} (vhost "shop"): ` +
      `${dir}/ca/${fault.name} ${fault.reason}`;
    assert.ok(text.split("\n").includes(line), `${line}\nis not in\n${text}`);
    assert.equal(code, 1);
  });
}

/** An upstream that asks for a certificate and answers with its name. */
class Origin implements AsyncDisposable {
  readonly #server = createServer({
    cert: origin.cert,
    key: origin.key,
    ca: authority.root,
    requestCert: true,
    rejectUnauthorized: true,
  }, (request, response) => {
    const certificate = (request.socket as TLSSocket).getPeerCertificate();
    response.end(String(certificate.subject.CN));
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

/** Reloads, and waits for the `n`-th time that the program says how a reload went. */
async function reload(gateway: TestGateway, outcome: RegExp, n: number): Promise<void> {
  gateway.process.signal("SIGHUP");
  const seen = () => gateway.process.output.match(new RegExp(outcome, "g"))?.length ?? 0;
  await until(`${outcome} for the ${n}. time`, () => seen() === n);
}

Deno.test("a reload with unfit files is refused, and the old ones go on serving", async () => {
  await using upstream = new Origin();
  await using gateway = await TestGateway.start(config(await upstream.listen()), FILES);
  const { dir } = gateway;
  assert.equal(await get(gateway.url("/")), "200 gateway.test");
  for (const [index, fault] of FAULTS.entries()) {
    spoil(dir, fault);
    const { file, name, reason } = fault;
    await reload(gateway, /reload refused: the configuration has problems/, index + 1);
    const key = `vhosts[0].proxy.${KEY_NAMES[file]}`;
    const told = `${dir.path}/ca/${name} ${reason}`;
    await until(
      `${key} ${told}`,
      () =>
        gateway.process.output.split("\n").some((line) =>
          line.includes(key) && line.includes(told)
        ),
    );
    assert.equal(await get(gateway.url("/")), "200 gateway.test");
    if (fault.content === null) Deno.removeSync(`${dir.path}/ca/${name}`);
    for (const [path, content] of Object.entries(FILES)) dir.write(path, content);
  }
  assert.doesNotMatch(gateway.process.output, /file:\/\/|\bat \w+ \(/);
  dir.write("ca/client.pem", renewed.cert);
  dir.write("ca/client.key", renewed.key);
  await reload(gateway, /the new configuration serves/, 1);
  assert.equal(await get(gateway.url("/")), "200 renewed.test");
});
