/** Every recipe of the cookbook is served, and asked what is written below it. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, TempDir } from "../testing/peer.ts";

const page = Deno.readTextFileSync(new URL("../../docs/cookbook.md", import.meta.url));

/** What the configurations find: the directories of a machine, below a temporary one. */
const FILES: Readonly<Record<string, string>> = {
  "srv/site/index.html": "home",
  "srv/site/about.html": "about",
  "srv/site/404.html": "not here",
  "srv/site/assets/app.js": "script",
  "srv/site/files/report.pdf": "%PDF report",
  "srv/site/.well-known/security.txt": "Contact: mailto:x@example.com",
  // The password is "wonderland".
  "etc/fluxheim/team.users":
    "alice:$6$rabbit$35hVj5445hoyuBME1uGaWu.ykmDVcsNuac1EPBQvonL.RyOUpWodC7wDoth/NbbweG5Jl9DNBvHqKdtI3qfbs/\n",
  "run/.keep": "",
  "var/log/.keep": "",
};

/** `GET URL [field: value; ...] → STATUS [field: value; ...] "text"`. */
const ASK = /^(\S+) (\S+)(?: \[(.*?)\])? → (\d+)(?: \[(.*)\])?(?: "(.*)")?$/;

for (const recipe of page.split(/^## /m).slice(1)) {
  const name = recipe.slice(0, recipe.indexOf("\n"));
  const toml = /```toml\n([\s\S]*?)```/.exec(recipe)?.[1];
  const asks = /```text\n([\s\S]*?)```/.exec(recipe)?.[1].trim().split("\n");
  if (toml === undefined) continue;
  Deno.test(`the recipe "${name}" does what it says`, async () => {
    assert.ok(asks !== undefined, "a recipe is asked something");
    await serveRecipe(toml, asks);
  });
}

async function serveRecipe(toml: string, asks: readonly string[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const sockets = stack.use(new TempDir());
  const listen = async (server: Server, at: number | string) => {
    await new Promise<void>((resolve) => {
      if (typeof at === "string") server.listen(at, resolve);
      else server.listen(at, "127.0.0.1", resolve);
    });
    stack.defer(() => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return (server.address() as AddressInfo).port;
  };
  const app = await listen(application(), 0);
  const login = await listen(loginService(), 0);
  const socket = `${sockets.path}/app.sock`;
  await listen(application(), socket);
  const tls = freePort();
  const config = toml.replaceAll("127.0.0.1:8080", "127.0.0.1:{port}")
    .replaceAll("8443", String(tls))
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${app}`)
    .replaceAll("127.0.0.1:3001", `127.0.0.1:${login}`)
    .replaceAll("unix:/run/app.sock", `unix:${socket}`)
    .replaceAll(/"\/(srv|etc|var)\//g, '"{dir}/$1/');
  const files = { ...FILES, ...(toml.includes("tls_listen") ? await certificates() : {}) };
  await using gateway = await TestGateway.start(config, files);
  for (const line of asks) {
    const [, method, url, sent, status, expected, text] = ASK.exec(line) ?? [];
    assert.ok(method !== undefined, `"${line}" is a request and its answer`);
    const answer = await ask(method, new URL(url), fieldsIn(sent), gateway.port, tls);
    assert.equal(answer.status, Number(status), line);
    for (const [field, value] of fieldsIn(expected)) {
      assert.equal(answer.fields.get(field), value.replaceAll("8443", String(tls)), line);
    }
    if (text !== undefined) assert.ok(answer.text.includes(text), `${line}: ${answer.text}`);
  }
}

function fieldsIn(text: string | undefined): readonly (readonly [string, string])[] {
  if (text === undefined) return [];
  // A value may have a semicolon and a space in it; a name never has.
  return text.split(/; (?=[a-z-]+: )/).map((pair) => {
    const colon = pair.indexOf(": ");
    return [pair.slice(0, colon), pair.slice(colon + 2)];
  });
}

/** What it was asked, and some fields that the gateway writes. */
function application(): Server {
  const server = createServer((request, response) => {
    let length = 0;
    request.on("data", (piece: Uint8Array) => length += piece.length);
    request.on("end", () => {
      const size = length === 0 ? "" : ` ${length}`;
      response.end(`${request.method} ${request.url}${size}\n${fieldLines(request)}`);
    });
  });
  server.on("upgrade", (_request, socket) => {
    socket.end(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
  });
  return server;
}

function fieldLines({ headers }: IncomingMessage): string {
  return ["x-user", "x-real-ip"].map((name) => `${name}: ${headers[name] ?? ""}\n`).join("");
}

function loginService(): Server {
  return createServer((request, response) => {
    const isIn = request.headers.cookie === "session=1";
    response.writeHead(isIn ? 200 : 302, isIn ? {} : { location: "https://login.example.com/" });
    response.end();
  });
}

async function certificates(): Promise<Record<string, string>> {
  const made: Record<string, string> = {};
  await using dir = new TempDir();
  for (const name of ["example.com", "shop.example.com"]) {
    const { success } = await new Deno.Command("openssl", {
      args: ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        .concat("-days", "30", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`)
        .concat("-keyout", `${dir.path}/key`, "-out", `${dir.path}/pem`),
      stderr: "null",
    }).output();
    assert.ok(success, "openssl makes certificates");
    made[`etc/fluxheim/${name}.pem`] = Deno.readTextFileSync(`${dir.path}/pem`);
    made[`etc/fluxheim/${name}.key`] = Deno.readTextFileSync(`${dir.path}/key`);
  }
  return made;
}

/** One request on a connection of its own, with the host of the URL. */
async function ask(
  method: string,
  url: URL,
  fields: readonly (readonly [string, string])[],
  port: number,
  tlsPort: number,
) {
  const length = Number(fields.find(([name]) => name === "content-length")?.[1] ?? 0);
  const isUpgrade = fields.some(([name]) => name === "upgrade");
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    ...(isUpgrade ? [] : ["Connection: close"]),
  ];
  const socket = url.protocol === "https:"
    ? connectTls({
      port: tlsPort,
      host: "127.0.0.1",
      servername: url.hostname,
      rejectUnauthorized: false,
    })
    : connect(port, "127.0.0.1");
  const pieces: Uint8Array[] = [];
  const done = Promise.withResolvers<void>();
  socket.on("data", (piece) => {
    pieces.push(piece);
    if (isUpgrade) socket.destroy();
  });
  // A refusal may come before all of a body was sent.
  socket.on("error", () => done.resolve());
  socket.on("close", () => done.resolve());
  socket.write(lines.join("\r\n") + "\r\n\r\n");
  if (length > 0) socket.write(new Uint8Array(length));
  await done.promise;
  const all = new TextDecoder().decode(await new Blob(pieces.map((p) => p.slice())).arrayBuffer());
  const end = all.indexOf("\r\n\r\n");
  const [statusLine, ...heads] = all.slice(0, end).split("\r\n");
  const found = new Map(heads.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(statusLine.split(" ")[1]), fields: found, text: all.slice(end + 4) };
}

Deno.test("the page names a directory of this repository only where it is", () => {
  for (const [, path] of page.matchAll(/`(packaging\/[^`]+)`/g)) {
    Deno.statSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)));
  }
});
