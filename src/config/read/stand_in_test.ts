import assert from "node:assert/strict";
import { z } from "zod";
import { standIn } from "./stand_in.ts";
import { authority, filePath, hostPattern, httpUrl, label, list, port } from "../schema/values.ts";

Deno.test("every kind of required value has a stand-in, and no two are alike", () => {
  const kinds = {
    name: label(),
    path: filePath(),
    authority: authority(),
    url: httpUrl(),
    hosts: list(hostPattern(), { min: 1, max: 4 }),
    table: z.strictObject({ root: filePath(), index: z.string().default("x") }),
  };
  for (const [kind, schema] of Object.entries(kinds)) {
    const [one, other] = [standIn(schema, 1), standIn(schema, 2)];
    assert.ok(schema.safeParse(one).success, kind);
    assert.notDeepEqual(one, other, kind);
  }
  for (const schema of [port(), z.enum(["a", "b"]), z.literal([301, 302]), z.boolean()]) {
    assert.ok(schema.safeParse(standIn(schema, 1)).success);
  }
});

Deno.test("a form that nothing known has gets no stand-in", () => {
  assert.equal(standIn(z.string().regex(/^[0-9]{9}$/), 1), undefined);
});
