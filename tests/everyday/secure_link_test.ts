/** Signed links, signed as the documentation says. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";

const CONFIG = `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
web.root = "{dir}/site"
[[vhosts.routes]]
name = "files"
path_prefix = "/files"
web.root = "{dir}/site"
secure_link.secret_file = "{dir}/secret"
`;

const SECRET = "0123456789abcdef0123456789abcdef";

/** By openssl, as an application in a shell would. */
async function signed(path: string, expires: number, secret = SECRET): Promise<string> {
  const script = `printf '%s\\n%s' "$1" "$2" | openssl dgst -sha256 -hmac "$3" -binary | ` +
    `openssl base64 -A | tr '+/' '-_' | tr -d '='`;
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", script, "sign", path, String(expires), secret],
  }).output();
  return `${path}?expires=${expires}&signature=${new TextDecoder().decode(stdout).trim()}`;
}

Deno.test("a signed link holds until its time, and for its path alone", async () => {
  await using gateway = await TestGateway.start(CONFIG, {
    "site/files/a.txt": "a",
    "site/files/b.txt": "b",
    secret: SECRET + "\n",
  });
  const get = async (path: string) => {
    const response = await fetch(gateway.url(path));
    return [response.status, await response.text()];
  };
  const soon = Math.floor(Date.now() / 1000) + 600;
  const link = await signed("/files/a.txt", soon);
  assert.deepEqual(await get(link), [200, "a"]);
  assert.deepEqual(await get(link + "&more=1"), [200, "a"]);
  assert.equal((await get(link.replace("a.txt", "b.txt")))[0], 403);
  assert.equal((await get(link.replace("/files", "/%66iles")))[0], 403);
  assert.equal((await get(link.replace(`${soon}`, `${soon + 1}`)))[0], 403);
  assert.equal((await get(`${link}&expires=${soon}`))[0], 403);
  assert.equal(
    (await get(await signed("/files/a.txt", soon, "another secret of some length")))[0],
    403,
  );
  assert.equal((await get(await signed("/files/a.txt", soon - 1200)))[0], 410);
  for (const query of ["", "?", "?expires=1", "?signature=x", "?expires=x&signature=y"]) {
    assert.equal((await get(`/files/a.txt${query}`))[0], 403, query);
  }
});

Deno.test("a secret that is too short is refused", async () => {
  await assert.rejects(
    TestGateway.start(CONFIG, { "site/files/a.txt": "a", secret: "short\n" }),
    /secret_file .*at least 16 bytes/,
  );
});
