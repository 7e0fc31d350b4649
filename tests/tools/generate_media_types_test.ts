import assert from "node:assert/strict";
import { mediaTypeModule } from "./generate_media_types.ts";

Deno.test("media types: the table in the source is the one that the package gives", async () => {
  const file = new URL("../../src/http/content/media_type_table.ts", import.meta.url);
  assert.equal(await Deno.readTextFile(file), mediaTypeModule());
});
