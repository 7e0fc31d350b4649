/** Signed tokens, made by another library where it is here. */
import assert from "node:assert/strict";
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { TestGateway } from "../testing/gateway.ts";
import { Upstream } from "../testing/upstream.ts";

const PAIRS = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
type Algorithm = keyof typeof PAIRS;

const JWKS = JSON.stringify({
  keys: [
    ...Object.entries(PAIRS).map(([kid, { publicKey }]) => {
      return { ...publicKey.export({ format: "jwk" }), kid };
    }),
    { kty: "RSA", use: "enc", n: "x", e: "AQAB" },
  ],
});

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function signature(algorithm: Algorithm, key: KeyObject, text: string): string {
  const hash = algorithm === "EdDSA" ? null : "sha256";
  const input = algorithm === "ES256" ? { key, dsaEncoding: "ieee-p1363" as const } : key;
  return sign(hash, Buffer.from(text), input).toString("base64url");
}

const now = () => Math.floor(Date.now() / 1000);

function token(algorithm: Algorithm, claims: object = {}, header: object = {}): string {
  const text = `${part({ alg: algorithm, kid: algorithm, ...header })}.${
    part({
      sub: "alice",
      iss: "https://issuer.example",
      aud: ["api", "b"],
      exp: now() + 600,
      ...claims,
    })
  }`;
  return `${text}.${signature(algorithm, PAIRS[algorithm].privateKey, text)}`;
}

function config(port: number, keys = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "api"
hosts = ["127.0.0.1"]
proxy.upstream = "127.0.0.1:${port}"
[vhosts.auth_jwt]
keys_file = "{dir}/keys.json"
issuers = ["https://issuer.example"]
audiences = ["api"]
claim_headers = { X-User = "sub", x-team = "team" }
cookie = "session"
${keys}
`;
}

Deno.test("a token of each algorithm is let in, and its claims reach the application", async () => {
  await using app = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(config(app.port), { "keys.json": JWKS });
  for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
    const made = token(algorithm);
    for (let i = 0; i < 3; i++) {
      const headers = { authorization: `Bearer ${made}`, "x-user": "root", x_team: "root" };
      const response = await fetch(gateway.url("/"), { headers });
      assert.equal(response.status, 200, algorithm);
      await response.text();
      assert.equal(app.last.headers["x-user"], "alice");
      assert.equal(app.last.headers["x-team"], undefined);
      assert.equal(app.last.headers["x_team"], undefined);
      assert.equal(app.last.headers.authorization, `Bearer ${made}`);
    }
  }
  const headers = { cookie: `a=1; session=${token("ES256", { sub: "bob" })}` };
  assert.equal(await (await fetch(gateway.url("/"), { headers })).text(), "app");
  assert.equal(app.last.headers["x-user"], "bob");
});

Deno.test("tokens that choose their rules, are for others, or have had their time get 401", async () => {
  await using app = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(config(app.port), { "keys.json": JWKS });
  const status = async (headers: HeadersInit) => {
    const response = await fetch(gateway.url("/"), { headers });
    await response.text();
    return [response.status, response.headers.get("www-authenticate")];
  };
  const invalid = [401, 'Bearer realm="api", error="invalid_token"'];
  assert.deepEqual(await status({}), [401, 'Bearer realm="api"']);
  const [head, body, rest] = token("RS256").split(".");
  const pem = createPublicKey(PAIRS.RS256.privateKey).export({ format: "pem", type: "spki" });
  const mac = (alg: string) => {
    const text = `${part({ alg, kid: "RS256" })}.${body}`;
    return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
  };
  const wrong: Record<string, string> = {
    "the public key as a secret": mac("HS256"),
    "no algorithm": `${part({ alg: "none" })}.${body}.x`,
    "an empty signature": `${head}.${body}.`,
    "another signature": `${head}.${body}.${rest.split("").reverse().join("")}`,
    "another algorithm's key": token("ES256", {}, { kid: "RS256" }),
    "an unknown key": token("ES256", {}, { kid: "x" }),
    "an unknown crit": token("ES256", {}, { crit: ["x"], x: 1 }),
    "an expiry that is a text": token("ES256", { exp: String(now() + 600) }),
    "no expiry": token("ES256", { exp: undefined }),
    "past": token("ES256", { exp: now() - 3600 }),
    "a clock that is an hour ahead": token("ES256", { nbf: now() + 3600 }),
    "another audience": token("ES256", { aud: "other" }),
    "another issuer": token("ES256", { iss: "https://other.example" }),
    "nonsense": "nonsense",
    "too long": `${head}.${body}.${"x".repeat(5000)}`,
  };
  for (const [what, made] of Object.entries(wrong)) {
    assert.deepEqual(await status({ authorization: `Bearer ${made}` }), invalid, what);
  }
  const two = new Headers({ cookie: `session=${token("ES256")}; session=x` });
  assert.deepEqual(await status(two), invalid);
  // Within the leeway.
  assert.equal(
    (await status({ authorization: `Bearer ${token("ES256", { exp: now() - 5 })}` }))[0],
    200,
  );
});

Deno.test("a second Authorization is refused, whichever of the two is good", async () => {
  await using app = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(config(app.port), { "keys.json": JWKS });
  const good = `Authorization: Bearer ${token("ES256")}\r\n`;
  const bad = "Authorization: Bearer a.b.c\r\n";
  for (const lines of [good + bad, bad + good]) {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
    const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}Connection: close\r\n\r\n`;
    await socket.write(new TextEncoder().encode(request));
    const text = await new Response(socket.readable).text();
    // A codec may refuse it before.
    assert.match(text, /^HTTP\/1\.1 40[01] /);
  }
});

Deno.test("tokens of python3-jwt are let in, by a key in PEM", async (t) => {
  const { privateKey, publicKey } = PAIRS.RS256;
  const script = `import jwt,sys,time
print(jwt.encode({"sub":"py","iss":"https://issuer.example","aud":"api","exp":int(time.time())+600},sys.stdin.read(),algorithm="RS256"))`;
  const child = new Deno.Command("/usr/bin/python3", {
    args: ["-c", script],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(Buffer.from(privateKey.export({ format: "pem", type: "pkcs8" })));
  await writer.close();
  const { stdout, success } = await child.output();
  await t.step({
    name: "python3-jwt",
    ignore: !success,
    fn: async () => {
      await using app = await Upstream.start((_request, response) => response.end("app"));
      await using gateway = await TestGateway.start(config(app.port, "forward_token = false"), {
        "keys.json": String(publicKey.export({ format: "pem", type: "spki" })),
      });
      const headers = { authorization: `Bearer ${new TextDecoder().decode(stdout).trim()}` };
      assert.equal(await (await fetch(gateway.url("/"), { headers })).text(), "app");
      assert.equal(app.last.headers["x-user"], "py");
      assert.equal(app.last.headers.authorization, undefined);
    },
  });
});

Deno.test("a file of keys that cannot be used is refused, and nothing of it is shown", async () => {
  const [, pair] = Object.values(PAIRS);
  for (
    const [content, message] of [
      ["", /neither JSON nor PEM/],
      ["SECRET123", /neither JSON nor PEM/],
      ["{}", /Key Set/],
      ['{"keys":[]}', /must have a key/],
      ['{"keys":[{"kty":"oct","k":"SECRET123"}]}', /number 1, that must be RSA/],
      [JSON.stringify({ keys: [pair.privateKey.export({ format: "jwk" })] }), /private part/],
      [
        JSON.stringify({ keys: [{ ...pair.publicKey.export({ format: "jwk" }), alg: "RS256" }] }),
        /no alg but ES256/,
      ],
      ["-----BEGIN PRIVATE KEY-----\nSECRET123\n-----END PRIVATE KEY-----", /public key in PEM/],
    ] as const
  ) {
    await assert.rejects(
      TestGateway.start(config(1), { "keys.json": content }),
      (error: Error) => message.test(error.message) && !error.message.includes("SECRET123"),
      content,
    );
  }
});
