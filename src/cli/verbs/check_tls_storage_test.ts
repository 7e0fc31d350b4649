import assert from "node:assert/strict";
import { idleModule } from "../../gateway/idle_module.ts";
import type { Module, StorageIssue } from "../../gateway/module.ts";
import { profileOf, runCli, withConfig } from "../testing/run.ts";

function storing(...issues: StorageIssue[]): Module {
  return {
    name: "tls",
    schema: [],
    manifest: {},
    checkStorage: () => Promise.resolve(issues),
    edge: () => Promise.resolve(idleModule("tls")),
  };
}

Deno.test("nothing wrong is one line and status 0", () =>
  withConfig("", async (path) => {
    const ended = await runCli(profileOf(storing()), "--check-tls-storage", "-c", path);
    assert.deepEqual(ended, { status: 0, out: "TLS storage check passed", err: "" });
  }));

Deno.test("each finding is a line with its scope, then their number, status 1", () =>
  withConfig("", async (path) => {
    const module = storing(
      { scope: "tls.certificates[0]", message: "/k has mode 0644" },
      { scope: "vhosts.shop.tls.certificate", message: "/c is missing" },
    );
    const ended = await runCli(profileOf(module), "--check-tls-storage", "-c", path);
    assert.deepEqual(ended, {
      status: 1,
      out: "",
      err: "TLS storage issue: tls.certificates[0]: /k has mode 0644\n" +
        "TLS storage issue: vhosts.shop.tls.certificate: /c is missing\n" +
        "fluxheim: TLS storage check found 2 issue(s)",
    });
  }));

Deno.test("a build without TLS says so", () =>
  withConfig("", async (path) => {
    const { status, err } = await runCli(profileOf(), "--check-tls-storage", "-c", path);
    assert.equal(status, 1);
    assert.equal(err, "fluxheim: --check-tls-storage needs the module tls");
  }));
