import assert from "node:assert/strict";
import { factsOf, wayTo, whyNot } from "./file_facts.ts";

Deno.test({
  name: "where the runtime wants all permissions, nothing is asked and nothing thrown",
  permissions: { read: true },
  fn() {
    for (const path of ["/dev", "/dev/shm", "/proc/self", "/sys"]) {
      assert.throws(() => Deno.lstatSync(path), Deno.errors.NotCapable, "it is as it was");
      assert.deepEqual(factsOf(path), { kind: "hidden" }, path);
      assert.deepEqual(wayTo(path), { kind: "direct" }, path);
    }
    assert.equal(factsOf("/dev/null").kind, "there");
    assert.deepEqual(wayTo("/dev/null"), { kind: "direct" });
  },
});

Deno.test("a permission that turns out to be missing is a reason like others", () => {
  assert.match(whyNot(new Deno.errors.NotCapable("Requires all access")), /not started with/);
  assert.throws(() => whyNot(new Error("a fault of the program")), /a fault/);
});
