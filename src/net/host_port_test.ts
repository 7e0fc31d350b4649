import assert from "node:assert/strict";
import { splitAuthority } from "./host_port.ts";

Deno.test("an authority splits into its host without brackets and its port", () => {
  assert.deepEqual(splitAuthority("[::1]:80"), { host: "::1", port: 80 });
  assert.deepEqual(splitAuthority("a.b:0"), { host: "a.b", port: 0 });
  assert.equal(splitAuthority("::1:80"), undefined);
});
