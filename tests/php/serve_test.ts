/** PHP by a real php-fpm (spec 07). */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";

/** A vhost with PHP over the scripts of `fpm`. */
function config(fpm: PhpFpm, keys = "", more = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1", "app.test"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
${keys}
[vhosts.php.fpm]
socket = "${fpm.socket}"
[vhosts.web]
root = "${fpm.root}"
${more}
`;
}

const INDEX = `<?php header("X-Seen: yes"); echo "index ", $_SERVER["REQUEST_URI"];`;

testWithPhp(
  "a script answers, a file beside it is sent, a page without either is the index",
  async () => {
    await using fpm = await PhpFpm.start({
      "index.php": INDEX,
      "hello.php": `<?php echo "hello ", $_GET["name"];`,
      "style.css": "body {}",
    });
    await using gateway = await TestGateway.start(config(fpm));
    const get = async (path: string) => {
      const response = await fetch(gateway.url(path));
      return { status: response.status, text: await response.text(), headers: response.headers };
    };
    const hello = await get("/hello.php?name=you");
    assert.equal(hello.text, "hello you");
    assert.equal(hello.status, 200);
    assert.equal(hello.headers.get("content-type"), "text/html; charset=UTF-8");
    assert.equal((await get("/style.css")).text, "body {}");
    const index = await get("/some/page?x=1");
    assert.equal(index.text, "index /some/page?x=1");
    assert.equal(index.headers.get("x-seen"), "yes");
    assert.equal((await get("/missing.php")).status, 404);
  },
);

testWithPhp("a form arrives whole", async () => {
  await using fpm = await PhpFpm.start({
    "form.php":
      `<?php echo strlen(file_get_contents("php://input")), " ", $_SERVER["CONTENT_LENGTH"], " ",
      $_SERVER["CONTENT_TYPE"], " ", md5(file_get_contents("php://input"));`,
  });
  await using gateway = await TestGateway.start(config(fpm));
  const body = "x".repeat(1_000_000);
  const response = await fetch(gateway.url("/form.php"), {
    method: "POST",
    body,
    headers: { "content-type": "text/plain" },
  });
  assert.match(await response.text(), /^1000000 1000000 text\/plain [0-9a-f]{32}$/);
});
