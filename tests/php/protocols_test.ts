/** PHP over TLS, by HTTP/1.1 and HTTP/2. */
import assert from "node:assert/strict";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { find, freePort } from "../testing/peer.ts";
import { PhpFpm, testWithPhp } from "../testing/php_fpm.ts";

const SEE = `<?php
header('Content-Disposition: attachment; filename="2020 – Übersicht.csv"');
setcookie("one", "1"); setcookie("two", "2");
foreach (["HTTPS", "REQUEST_SCHEME", "SERVER_PROTOCOL", "SERVER_PORT", "SERVER_NAME", "HTTP_COOKIE", "HTTP_X_NAME"] as $name)
  echo $name, "=", $_SERVER[$name] ?? "-", "\\n";
echo "md5=", md5(file_get_contents("php://input")), " ", $_SERVER["CONTENT_LENGTH"], "\\n";`;

for (const version of ["--http1.1", "--http2"]) {
  testWithPhp(`TLS and ${version}: what a script sees, and what its client`, async () => {
    if (find("curl") === undefined) return;
    await using fpm = await PhpFpm.start({ "see.php": SEE });
    await using certificate = new TestCertificate();
    const secure = freePort();
    await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
${certificate.tables}
[[vhosts]]
name = "app"
hosts = ["localhost"]
[vhosts.php]
enabled = true
root = "${fpm.root}"
fpm.socket = "${fpm.socket}"
`);
    await gateway.process.listening(secure);
    const body = gateway.dir.write("body", new Uint8Array(300_000).map((_, i) => i % 251));
    const { stdout, success, stderr } = await new Deno.Command("curl", {
      args: [
        "-sS",
        "-i",
        version,
        "--cacert",
        certificate.rootPath,
        "-H",
        "cookie: a=1",
        "-H",
        "cookie: b=2",
        "-H",
        "x-name: Ü",
        "--data-binary",
        `@${body}`,
        `https://localhost:${secure}/see.php`,
      ],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const text = new TextDecoder().decode(stdout);
    const lines = new Set(text.split(/\r?\n/));
    const protocol = version === "--http2" ? "HTTP/2.0" : "HTTP/1.1";
    const { createHash } = await import("node:crypto");
    const digest = createHash("md5").update(Deno.readFileSync(body)).digest("hex");
    for (
      const line of [
        "HTTPS=on",
        "REQUEST_SCHEME=https",
        `SERVER_PROTOCOL=${protocol}`,
        `SERVER_PORT=${secure}`,
        "SERVER_NAME=localhost",
        "HTTP_COOKIE=a=1; b=2",
        "HTTP_X_NAME=Ü",
        `md5=${digest} 300000`,
        "set-cookie: one=1",
        "set-cookie: two=2",
      ]
    ) {
      assert.ok(
        [...lines].some((found) => found.toLowerCase() === line.toLowerCase()),
        `${line}\n${text}`,
      );
    }
    assert.ok(text.includes('filename="2020 – Übersicht.csv"'), text);
  });
}
