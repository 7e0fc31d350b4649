/** Dashboard, alerts and documents speak of metrics that there are; real programs take the files. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { MetricSpec } from "../../src/gateway/reports/metrics.ts";
import { profile } from "../../src/profiles/development.ts";
import { metricsOf } from "../../src/runtime/metrics/metric_specs.ts";
import { find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";

const FOLDER = fileURLToPath(new URL("../../packaging/observability/", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/metrics.md", import.meta.url));

const SPECS = metricsOf(profile.modules);

/** Those of `npm:prom-client` beside them. */
const OF_THE_PROCESS = [
  "process_cpu_seconds_total",
  "process_start_time_seconds",
  "process_resident_memory_bytes",
  "fluxheim_build_info",
];

const read = (name: string) => Deno.readTextFileSync(FOLDER + name);

/** Every metric that a text speaks of, without the suffixes of histograms. */
function namesIn(text: string): Set<string> {
  const found = text.match(/\b(?:fluxheim|process)_[a-z0-9_]+/g) ?? [];
  return new Set(found.map((name) => name.replace(/_(bucket|sum|count)$/, "")));
}

Deno.test("alerts and dashboard ask for metrics that there are", () => {
  const known = new Set([...SPECS.map(({ name }) => name), ...OF_THE_PROCESS]);
  for (const file of ["fluxheim-alerts.yml", "grafana-dashboard.json"]) {
    const names = namesIn(read(file));
    assert.ok(names.size > 10);
    assert.deepEqual([...names].filter((name) => !known.has(name)), [], file);
  }
});

/** The labels of a row of the document. */
function labelsOf({ labels }: MetricSpec): string {
  const names = Object.keys(labels);
  return names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");
}

Deno.test("the document has every metric with its labels, and no other", () => {
  const text = Deno.readTextFileSync(DOCUMENT);
  const rows = [...text.matchAll(/^\| `((?:fluxheim|process)_[a-z0-9_]+)` +\| ([^|]*?) +\|/gm)];
  const documented = Object.fromEntries(rows.map(([, name, labels]) => [name, labels]));
  const expected = Object.fromEntries(SPECS.map((spec) => [spec.name, labelsOf(spec)]));
  for (const name of OF_THE_PROCESS) delete documented[name];
  assert.deepEqual(documented, expected);
});

Deno.test("a description has what the text format needs", () => {
  for (const { name, help, type, buckets, labels } of SPECS) {
    assert.match(help, /^[A-Z].*\.$/, name);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.equal(buckets !== undefined, type === "histogram", name);
    if (type === "histogram") assert.ok(name.endsWith("_seconds"), name);
    assert.ok(Object.keys(labels).every((label) => /^[a-z_]+$/.test(label)), name);
  }
});

testWith(
  ["promtool"],
  "promtool finds no fault, and the alerts fire when they should",
  async () => {
    for (
      const args of [
        ["check", "rules", "fluxheim-alerts.yml"],
        ["test", "rules", "fluxheim-alerts_test.yml"],
        ["check", "config", "prometheus.yml"],
      ]
    ) {
      const { success, stdout, stderr } = await new Deno.Command("promtool", { args, cwd: FOLDER })
        .output();
      const decoder = new TextDecoder();
      assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
    }
  },
);

testWith(
  ["prometheus"],
  "a real Prometheus loads the alerts, and takes every query of the dashboard",
  async () => {
    await using dir = new TempDir();
    const port = freePort();
    await using prometheus = new Process(find("prometheus")!, [
      `--config.file=${FOLDER}prometheus.yml`,
      `--storage.tsdb.path=${dir.path}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await prometheus.listening(port);
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      const text = await response.text();
      return response.status === 503 ? undefined : JSON.parse(text);
    };
    await until("it is ready", async () => await get("/api/v1/rules") !== undefined);
    const { data: { groups } } = await get("/api/v1/rules");
    assert.ok(groups[0].rules.length >= 14);
    const { panels } = JSON.parse(read("grafana-dashboard.json"));
    assert.ok(panels.length >= 18);
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        const query = expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*");
        const { status, error } = await get(`/api/v1/query?query=${encodeURIComponent(query)}`);
        assert.equal(status, "success", `${title}: ${error}`);
      }
    }
  },
);
