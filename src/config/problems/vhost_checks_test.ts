import assert from "node:assert/strict";
import { loadText } from "../load.ts";
import { testTables } from "../testing/tables.ts";

function problems(text: string): string[] {
  return loadText(text, testTables).problems.map(({ key, message }) => `${key} ${message}`);
}

function vhost(name: string, hosts: string, rest = ""): string {
  return `[[vhosts]]\nname = "${name}"\nhosts = [${hosts}]\n${rest}\n`;
}

function route(rest: string): string {
  return `[[vhosts.routes]]\nname = "r"\nproxy.upstream = "a.b:1"\n${rest}\n`;
}

Deno.test("vhost names are unique", () => {
  assert.deepEqual(problems(vhost("a", '"a.b"') + vhost("a", '"c.d"')), [
    'vhosts[1].name must be unique; vhosts[0] is called "a" too',
  ]);
});

Deno.test("a host belongs to one vhost, however it is written", () => {
  assert.deepEqual(problems(vhost("a", '"A.b.", "*.x.y"') + vhost("b", '"a.B:80", "*.X.Y"')), [
    'vhosts[1].hosts[0] must belong to one vhost only: vhosts[0] serves "a.b" too',
    'vhosts[1].hosts[1] must belong to one vhost only: vhosts[0] serves "*.x.y" too',
  ]);
  assert.deepEqual(problems(vhost("a", '"a.b", "A.B"')), [
    'vhosts[0].hosts[1] must not be in the list twice: "a.b"',
  ]);
});

Deno.test("the default vhost exists", () => {
  const server = '[server]\ndefault_vhost = "b"\n';
  assert.deepEqual(problems(server + vhost("b", '"a.b"')), []);
  assert.deepEqual(problems(server + vhost("a", '"a.b"')), [
    'server.default_vhost must be the name of a vhost (vhosts.name); found "b"',
  ]);
});

Deno.test("a vhost has one fallback at most", () => {
  assert.deepEqual(
    problems(vhost("a", '"a.b"', route("fallback = true") + route("fallback = true"))),
    ["vhosts[0].routes[1].fallback must be the only one of its vhost: routes[0] is a fallback already"],
  );
});

Deno.test("a vhost's redirect leaves no room for a fallback, but for other routes", () => {
  const redirect = '[vhosts.redirect]\nenabled = true\nto = "https://x{uri}"\n';
  assert.equal(problems(vhost("a", '"a.b"', redirect + route("fallback = true"))).length, 1);
  assert.deepEqual(problems(vhost("a", '"a.b"', redirect + route('path_prefix = "/x"'))), []);
  const off = "[vhosts.redirect]\nenabled = false\n";
  assert.deepEqual(problems(vhost("a", '"a.b"', off + route("fallback = true"))), []);
});

Deno.test("an enabled redirect has a target", () => {
  assert.deepEqual(problems(vhost("a", '"a.b"', "[vhosts.redirect]\nenabled = true")), [
    "vhosts[0].redirect.to is required when redirect.enabled is true",
  ]);
});

Deno.test("the status of a redirect is 301, 302, 307 or 308", () => {
  for (const status of [301, 302, 307, 308]) {
    assert.deepEqual(
      problems(
        vhost(
          "a",
          '"a.b"',
          `redirect = { enabled = true, to = "https://c.d", status = ${status} }`,
        ),
      ),
      [],
    );
  }
  for (const status of [300, 303, 304, 200]) {
    assert.equal(
      problems(
        vhost(
          "a",
          '"a.b"',
          `redirect = { enabled = true, to = "https://c.d", status = ${status} }`,
        ),
      ).length,
      1,
    );
  }
});
