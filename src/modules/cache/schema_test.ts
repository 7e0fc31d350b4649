import assert from "node:assert/strict";
import { cacheSchema, purgerSchema } from "./schema.ts";

const MEMORY = { enabled: true };

/** Keys that the schema finds fault with. */
function faults(table: Record<string, unknown>): string[] {
  const { error } = cacheSchema.safeParse({ memory: MEMORY, ...table });
  return [...new Set((error?.issues ?? []).map(({ path }) => path.join(".")))];
}

Deno.test("an empty table is right, and off", () => {
  const table = cacheSchema.parse({});
  assert.equal(table.enabled, false);
  assert.equal(table.memory.max_size_bytes, 2 ** 30);
  assert.deepEqual(table.key_parts, ["method", "host", "path", "query"]);
});

Deno.test("values out of their bounds are refused by their keys", () => {
  for (
    const [key, value] of Object.entries({
      methods: ["get"],
      extensions: [".css"],
      content_types: ["*/*"],
      max_object_bytes: 0,
      bypass_path_exact: ["x"],
      bypass_request_headers: ["a b"],
      bypass_request_header_values: { a: " " },
      bypass_cookie_names: ["a;"],
      bypass_cookie_values: { a: "b;c" },
      bypass_query_params: ["a=b"],
      bypass_query_values: { a: "b&c" },
      status_ttls: { 200: 0 },
      default_status_ttl_secs: 0,
      stale_if_error_statuses: [404],
      stale_if_error_on: ["nothing"],
      min_uses: 0,
      key_namespace: "a b",
      key_parts: ["host"],
      vary_request_headers: ["Cookie"],
      lock: { age_timeout_secs: 0 },
      predictor: { capacity: 0 },
      origin_protection: { max_concurrent_fills: 1025 },
    })
  ) {
    assert.deepEqual(faults({ [key]: value }).map((path) => path.split(".")[0]), [key], key);
  }
  assert.deepEqual(faults({ status_ttls: { 99: 1 } }).map((path) => path.split(".")[0]), [
    "status_ttls",
  ]);
});

Deno.test("keys that do not go together are refused", () => {
  assert.deepEqual(faults({ extensions: ["css"], image_extensions: ["css"] }), [
    "image_extensions",
  ]);
  assert.deepEqual(faults({ status_header: "X-A", status_reason_header: "x-a" }), [
    "status_reason_header",
  ]);
  assert.deepEqual(faults({ stale_if_error_secs: 1, stale_if_error_on: [] }), [
    "stale_if_error_on",
  ]);
  assert.deepEqual(faults({ memory: { enabled: true, max_size_bytes: "1 MiB" } }), ["memory"]);
  assert.deepEqual(faults({ enabled: true, memory: {} }), ["enabled"]);
  assert.deepEqual(faults({ origin_protection: { enabled: true } }), ["origin_protection"]);
  const many = Array.from({ length: 127 }, (_, i) => `/${i}/`);
  assert.deepEqual(faults({ preset: "wordpress", bypass_path_prefixes: many }), ["preset"]);
});

Deno.test("what this version does not have is refused where it is switched on, and harmless elsewhere", () => {
  for (
    const [key, value] of Object.entries({
      local_static: true,
      range: { enabled: true },
      peer_fill: { enabled: true },
    })
  ) {
    assert.deepEqual(faults({ enabled: true, [key]: value }), [key]);
    assert.deepEqual(faults({ enabled: false, [key]: value }), []);
  }
  const disk = { enabled: true, path: "/var/cache/fluxheim" };
  assert.deepEqual(faults({ enabled: true, disk }), []);
  assert.deepEqual(faults({ disk: { enabled: true } }), ["disk"]);
  assert.deepEqual(faults({ enabled: true, disk: { ...disk, backend: "storage-bin" } }), [
    "disk.backend",
  ]);
  const encryption = { enabled: true };
  assert.deepEqual(faults({ enabled: true, disk: { ...disk, encryption } }), ["disk.encryption"]);
  assert.equal(purgerSchema.safeParse({ enabled: true }).success, false);
  assert.equal(purgerSchema.safeParse({ interval_secs: 60 }).success, true);
});
