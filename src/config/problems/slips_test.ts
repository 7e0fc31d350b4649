import assert from "node:assert/strict";
import { foreignKeyHint, valueHint } from "./slips.ts";

Deno.test("keys of other gateways are answered with those of this one", () => {
  for (
    const [path, key, hint] of [
      [["vhosts", 0], "server_name", /hosts = /],
      [["vhosts", 0], "root", /\[vhosts\.web\]/],
      [["vhosts", 0, "routes", 1], "prefix", /path_prefix/],
      [["vhosts", 0, "routes", 1], "path", /path_exact/],
      [["vhosts", 0, "proxy"], "read_timeout", /read_timeout_secs/],
      [["proxy"], "timeout", /connect_timeout_secs/],
      [["server"], "port", /listen = /],
      [["tls"], "cert", /cert_path/],
    ] as const
  ) assert.match(foreignKeyHint(path, key) ?? "", hint, key);
  assert.equal(foreignKeyHint(["vhosts", 0], "toString"), undefined);
  assert.equal(foreignKeyHint([], "anything"), undefined);
});

Deno.test("values of other gateways are answered with what is meant", () => {
  for (
    const [path, input, hint] of [
      [["vhosts", 0, "proxy", "upstream"], "http://127.0.0.1:3000", 'write "127.0.0.1:3000"'],
      [
        ["vhosts", 0, "proxy", "upstream"],
        "https://app.example/x",
        'write "app.example:443", with upstream_tls = true',
      ],
      [["vhosts", 0, "proxy", "upstream"], "app", 'write "app:80", with its port'],
      [["server", "listen", 0], ":80", 'write "0.0.0.0:80"; "[::]:80" for IPv6'],
      [["server", "listen", 0], "localhost:80", 'write "127.0.0.1:80"'],
      [["server", "listen"], 80, 'write ["0.0.0.0:80"]; "[::]:80" for IPv6'],
      [["proxy", "read_timeout_secs"], "5s", "write read_timeout_secs = 5, in seconds"],
      [["proxy", "read_timeout_secs"], "2m", "write read_timeout_secs = 120, in seconds"],
      [["vhosts", 0, "proxy"], "a:80", 'write proxy.upstream = "a:80"'],
      [["vhosts", 0, "web"], "/srv", 'write web.root = "/srv"'],
      [
        ["vhosts", 0, "hosts", 0],
        "*",
        "the first vhost, or server.default_vhost, serves every host that no other one names",
      ],
    ] as const
  ) assert.equal(valueHint(path, input), hint);
  for (const input of ["x", "1.5s", "", "5d"]) {
    assert.equal(valueHint(["proxy", "read_timeout_secs"], input), undefined);
  }
});
