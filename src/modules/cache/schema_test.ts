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

Deno.test("a disk tier must be whole, and large enough for its objects", () => {
  const disk = { enabled: true, path: "/var/cache/fluxheim" };
  assert.deepEqual(faults({ enabled: true, disk }), []);
  assert.deepEqual(faults({ disk: { enabled: true } }), ["disk"]);
  const bins = { ...disk, backend: "storage-bin" };
  assert.deepEqual(faults({ enabled: true, disk: bins }), []);
  assert.deepEqual(
    faults({ enabled: true, disk: { ...bins, storage_bin: { bin_size_bytes: "1 MiB" } } }),
    ["disk.storage_bin.bin_size_bytes"],
  );
  assert.deepEqual(
    faults({ enabled: true, disk: { ...bins, max_size_bytes: "100 MiB" } }),
    ["disk.storage_bin.bin_size_bytes"],
  );
  assert.equal(purgerSchema.safeParse({ enabled: true }).success, true);
});

Deno.test("encryption has one source of its key", () => {
  const keys = (encryption: Record<string, unknown>) =>
    faults({
      enabled: true,
      disk: { enabled: true, path: "/var/cache/f", encryption: { enabled: true, ...encryption } },
    });
  const openbao = { address: "https://bao:8200", mount: "t", key_name: "k", token_file: "/etc/t" };
  const provider = "openbao-transit";
  assert.deepEqual(keys({ key_file: "/etc/key" }), []);
  assert.deepEqual(keys({ key_credential: "cache-key" }), []);
  assert.deepEqual(keys({ key_file: "/etc/key", key_credential: "cache-key" }), [
    "disk.encryption",
  ]);
  assert.deepEqual(keys({ key_credential: "../key" }), ["disk.encryption.key_credential"]);
  assert.deepEqual(keys({}), ["disk.encryption"]);
  assert.deepEqual(keys({ key_file: "/etc/key", algorithm: "xchacha20-poly1305" }), [
    "disk.encryption.algorithm",
  ]);
  assert.deepEqual(keys({ key_file: "/etc/key", openbao }), ["disk.encryption.openbao"]);
  assert.deepEqual(keys({ provider, openbao }), []);
  assert.deepEqual(keys({ provider }), ["disk.encryption"]);
  assert.deepEqual(keys({ provider, openbao, key_file: "/etc/key" }), ["disk.encryption"]);
  for (const address of ["http://bao:8200", "http://127.0.0.1.evil:1", "http://localhost:8200"]) {
    assert.deepEqual(keys({ provider, openbao: { ...openbao, address } }), [
      "disk.encryption.openbao.address",
    ]);
  }
  assert.deepEqual(keys({ provider, openbao: { ...openbao, address: "http://[::1]:8200" } }), []);
});

Deno.test("ranges and slices fit what may be stored", () => {
  const mib = (count: number) => `${count} MiB`;
  assert.deepEqual(faults({ range: { enabled: true } }), []);
  assert.deepEqual(faults({ range: { slice: { enabled: true } } }), ["range"]);
  assert.deepEqual(faults({ range: { enabled: true, max_bytes: mib(33) } }), ["range"]);
  const slice = { enabled: true, size_bytes: mib(1), max_slices: 64 };
  assert.deepEqual(faults({ range: { enabled: true, max_bytes: mib(64), slice } }), []);
  assert.deepEqual(faults({ range: { enabled: true, max_bytes: mib(65), slice } }), ["range"]);
});

Deno.test("peers are distinct, by TLS or on this machine", () => {
  const peers = (urls: string[], more: Record<string, unknown> = {}) =>
    faults({
      enabled: true,
      peer_fill: {
        enabled: true,
        peers: urls.map((base_url, i) => ({ name: `p${i}`, base_url })),
        ...more,
      },
    });
  assert.deepEqual(peers(["https://a:443", "http://127.0.0.1:80/"]), []);
  assert.deepEqual(peers(["http://a:80"], { allow_insecure_http: true }), []);
  for (const urls of [[], ["http://a:80"], ["https://a"], ["https://a:1", "https://A:1/"]]) {
    assert.deepEqual(peers(urls), ["peer_fill.peers"], urls.join());
  }
  assert.deepEqual(faults({ peer_fill: { enabled: true } }), ["peer_fill", "peer_fill.peers"]);
});
