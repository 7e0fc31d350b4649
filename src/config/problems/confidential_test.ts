import assert from "node:assert/strict";
import { z } from "zod";
import { findings } from "./issues.ts";
import { headerName, headerValue, httpUrl, list } from "../schema/values.ts";

const schema = z.strictObject({
  set: z.record(headerName(), headerValue()).optional(),
  append: z.record(headerName(), z.union([headerValue(), list(headerValue(), { min: 1, max: 4 })]))
    .optional(),
  endpoint: httpUrl().optional(),
  token_env: z.string().regex(/^[A-Z_]+$/, { error: "must be a name" }).optional(),
  hmac_key: z.int().optional(),
  name: z.string().max(3).optional(),
  to: z.string().regex(/^x/, { error: "must begin with x" }).optional(),
});

function said(input: unknown): string {
  const { error } = schema.safeParse(input, { reportInput: true });
  const found = findings(error?.issues ?? [], schema);
  assert.ok(found.length > 0, JSON.stringify(input));
  return found.map(({ message, hint }) => `${message} ${hint}`).join("; ");
}

Deno.test("what may be a secret is not shown in a problem", () => {
  for (
    const input of [
      { set: { "x-key": "SECRET\u0001" } },
      { set: "SECRET" },
      { set: { "x-key": 5 } },
      { append: { "x-key": [] } },
      { append: { "x-key": ["SECRET\u0001"] } },
      { endpoint: "http://user:SECRET@host/" },
      { endpoint: "ftp://SECRET@host" },
      { token_env: "SECRET with blanks" },
      { hmac_key: "SECRET" },
      { to: "https://user:SECRET@host/" },
    ]
  ) {
    assert.doesNotMatch(said(input), /SECRET|found 5/, JSON.stringify(input));
  }
});

Deno.test("other values are shown", () => {
  assert.match(said({ name: "long" }), /found "long"/);
  assert.match(said({ endpoint: "ftp://host/a@b" }), /found "ftp:/);
});
