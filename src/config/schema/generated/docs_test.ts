import assert from "node:assert/strict";
import { z } from "zod";
import { assemble } from "../assemble.ts";
import { configReference } from "./docs.ts";
import { layers, type Schema, shapeOf } from "../schema_walk.ts";
import { testTables } from "../../testing/tables.ts";

const reference = configReference(testTables);

Deno.test("a key has its type, default, bounds and meaning in one row", () => {
  assert.match(
    reference,
    /^\| `max_connections` \| integer \| `20000` \| from 1 to 1000000 \| Most open connections .* \|$/m,
  );
  assert.match(reference, /^\| `max_uri_bytes` \| byte size \| `8 KiB` \| at least 1 byte \|/m);
  assert.match(reference, /^\| `proxy_protocol` \| word \| `"off"` \| `off`, `v1`, `v2` \|/m);
  assert.match(reference, /^\| `hosts` \| list of host pattern \| required \| 1 to 64 entries \|/m);
});

Deno.test("a table that may be in several places is described once", () => {
  assert.equal(reference.match(/^## .*proxy\]`$/gm)?.length, 1);
  assert.match(
    reference,
    /^## `\[proxy\]`\n\nAlso `\[vhosts.proxy\]` and `\[vhosts.routes.proxy\]`\.$/m,
  );
});

Deno.test("a list of tables has two brackets", () => {
  assert.match(reference, /^## `\[\[vhosts.routes\]\]`$/m);
});

Deno.test("tables have the same number of cells in each row", () => {
  for (const line of reference.split("\n").filter((line) => line.startsWith("|"))) {
    const cells = line.replaceAll("\\|", "").split("|").length;
    assert.ok(cells === 7 || cells === 4, line);
  }
});

Deno.test("every key of the gateway says what it means", () => {
  const silent: string[] = [];
  visit(assemble([]), "");
  assert.deepEqual(silent, []);

  function visit(schema: Schema, name: string): void {
    const shape = shapeOf(schema);
    if (shape.kind === "list") visit(shape.item, name);
    if (shape.kind !== "table") return;
    for (const [key, value] of shape.keys) {
      const below = shapeOf(value).kind;
      const described = [...layers(value)].some((layer) =>
        z.globalRegistry.get(layer)?.description !== undefined
      );
      if (below !== "table" && !described) silent.push(`${name}.${key}`);
      visit(value, `${name}.${key}`);
    }
  }
});
