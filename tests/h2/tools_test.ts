/** Our server with the clients that people use. */
import assert from "node:assert/strict";
import { testWith } from "../testing/peer.ts";
import { type Server, startServer } from "./_server.ts";

async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text + new TextDecoder().decode(stderr));
  return text;
}

function withServer(program: string, sentence: string, use: (server: Server) => Promise<void>) {
  testWith([program], `${program}: ${sentence}`, async () => {
    const server = startServer();
    try {
      await use(server);
    } finally {
      await server.stop();
    }
    assert.equal(server.handler.finished.length, server.handler.created.length);
    assert.ok(server.handler.finished.length > 0);
  });
}

withServer("curl", "prior knowledge", async ({ port }) => {
  const text = await run(
    "curl",
    "-sS",
    "--http2-prior-knowledge",
    "-o",
    "/dev/null",
    "-w",
    "%{http_version} %{size_download}",
    `http://127.0.0.1:${port}/100000`,
  );
  assert.equal(text, "2 100000");
});

testWith(
  ["curl", "openssl"],
  "curl: several requests on one connection over TLS",
  async () => {
    const directory = await Deno.makeTempDir();
    const key = `${directory}/key.pem`;
    const cert = `${directory}/cert.pem`;
    await run(
      "openssl",
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost"],
    );
    const tls = { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
    const server = startServer(tls);
    try {
      const url = `https://localhost:${server.port}`;
      const text = await run(
        "curl",
        "-sS",
        "--cacert",
        cert,
        "-w",
        "%{http_version} %{size_download} %{num_connects}\n",
        ...[10, 100_000, 0].flatMap((size) => ["-o", "/dev/null", `${url}/${size}`]),
      );
      assert.deepEqual(text.trim().split("\n"), ["2 10 1", "2 100000 0", "2 0 0"]);
    } finally {
      await server.stop();
      await Deno.remove(directory, { recursive: true });
    }
  },
);

withServer("curl", "a body of a million octets goes up and comes back", async ({ port }) => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(1_000_000).fill(97));
    const text = await run(
      "curl",
      "-sS",
      "--http2-prior-knowledge",
      "--data-binary",
      `@${file}`,
      `http://127.0.0.1:${port}/echo`,
    );
    assert.equal(text.length, 1_000_000);
  } finally {
    await Deno.remove(file);
  }
});

withServer("curl", "an upload that is refused at once shows its status", async ({ port }) => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(5_000_000));
    const text = await run(
      "curl",
      "-sS",
      "--max-time",
      "10",
      "--http2-prior-knowledge",
      "-w",
      " %{http_code}",
      "--data-binary",
      `@${file}`,
      `http://127.0.0.1:${port}/refuse`,
    );
    assert.equal(text, "no 403");
  } finally {
    await Deno.remove(file);
  }
});

withServer("curl", "HEAD", async ({ port }) => {
  const text = await run("curl", "-sSI", "--http2-prior-knowledge", `http://127.0.0.1:${port}/77`);
  assert.match(text, /^HTTP\/2 200/);
  assert.match(text, /content-length: 77/);
});

withServer("nghttp", "several streams with priorities, and trailers", async ({ port }) => {
  const url = `http://127.0.0.1:${port}`;
  const text = await run("nghttp", "-nv", `${url}/1000`, `${url}/slow/20000`);
  assert.equal(text.match(/:status: 200/g)?.length, 2);
  assert.doesNotMatch(text, /RST_STREAM|PROTOCOL_ERROR/);
});

withServer("nghttp", "a small window, and a header table of no size", async ({ port }) => {
  const url = `http://127.0.0.1:${port}`;
  const text = await run("nghttp", "-nv", "-w8", "-c0", `${url}/5000`, `${url}/300`);
  assert.equal(text.match(/:status: 200/g)?.length, 2);
  assert.doesNotMatch(text, /RST_STREAM|COMPRESSION_ERROR/);
});

withServer("h2load", "many requests, none of them fails", async ({ port }) => {
  const text = await run(
    "h2load",
    "-n5000",
    "-c5",
    "-m32",
    `http://127.0.0.1:${port}/1000`,
    `http://127.0.0.1:${port}/slow/40000`,
  );
  assert.match(text, /5000 succeeded, 0 failed, 0 errored/);
});
