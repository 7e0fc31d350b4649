/**
 * A gateway with every module on: its scrape, its spans and its access records have what the reference lists, and
 * nothing else of a listed kind.
 */
import assert from "node:assert/strict";
import { profile } from "../../src/profiles/development.ts";
import { metricsOf } from "../../src/runtime/metrics/metric_specs.ts";
import { TOKEN } from "../testing/admin.ts";
import { MISSING, type Run, startEverything, useEverything } from "../testing/everything.ts";
import { find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { referenceAttributes, referenceFields, referenceMetrics } from "../testing/reference.ts";

/** Series that only come where something fails that does not fail here, or that a build of its own has. */
const NOT_HERE: ReadonlySet<string> = new Set([
  "fluxheim_metrics_overflow_total",
  // Amounts of nothing have no series, and nothing has expired.
  "fluxheim_cache_purger_entries_total",
]);

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of a scrape; what is not one fails. */
function samplesOf(text: string): { types: Map<string, string>; samples: Sample[] } {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) {
      assert.ok(!types.has(type[1]), `${type[1]} has two blocks`);
      types.set(type[1], type[2]);
    }
    if (line === "" || line.startsWith("#")) continue;
    const found = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(found !== null, line);
    const [, name, list = "", value] = found;
    const labels = Object.fromEntries(
      [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, one]) => [label, one]),
    );
    samples.push({ name, labels, value: Number(value) });
  }
  return { types, samples };
}

const PROGRAMS = ["curl", "promtool", "prometheus"];

testWith(
  [...PROGRAMS, ...MISSING],
  "a scrape has every metric, with the labels and values of the reference alone",
  async () => {
    await using run = await startEverything();
    await useEverything(run);
    let text = "";
    const reference = referenceMetrics();
    const names = [...metricsOf(profile.modules).map(({ name }) => name), "fluxheim_build_info"];
    const lacking = () =>
      names.filter((name) => !text.includes(`\n# TYPE ${name} `) && !NOT_HERE.has(name));
    const until_ = until("all are there", async () => {
      text = `\n${await run.scrape()}`;
      return lacking().length === 0;
    });
    await until_.catch((error) => {
      throw new Error(`not there: ${lacking().join(", ")}`, { cause: error });
    });
    const { types, samples } = samplesOf(text.slice(1));
    const known = new Map(reference.map((metric) => [metric.name, metric]));
    const specs = new Map(metricsOf(profile.modules).map((spec) => [spec.name, spec]));
    for (const { name, labels, value } of samples) {
      const family = types.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, "");
      assert.ok(Number.isFinite(value), name);
      const spec = specs.get(family);
      if (spec === undefined) continue;
      const { le, ...rest } = labels;
      assert.deepEqual(Object.keys(rest), Object.keys(spec.labels), name);
      if (le !== undefined) assert.equal(types.get(family), "histogram");
      for (const [label, one] of Object.entries(rest)) {
        const values = spec.labels[label];
        if (values !== "configured") assert.ok(values.includes(one), `${name} ${label}="${one}"`);
      }
      if (known.has(family)) assert.equal(types.get(family), known.get(family)?.type);
    }
    const has = (name: string, labels: Readonly<Record<string, string>>) =>
      samples.some((sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
      );
    assert.ok(
      has("fluxheim_proxy_requests_total", { method: "OTHER" }),
      "a method that is not known",
    );
    const { BREW, ...rest } = { BREW: text.includes("BREW") };
    assert.deepEqual([BREW, rest], [false, {}]);
    await checkByProm(run, text.slice(1));
  },
);

/** What the project's own tools of Prometheus say of the text, and a Prometheus that scrapes it. */
async function checkByProm({ ports }: Run, text: string): Promise<void> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  // A name of the reference, which scripts of 1.5 ask for; the tool has another taste.
  const own =
    "fluxheim_cache_disk_free_range_count non-histogram and non-summary metrics should not " +
    'have "_count" suffix\n';
  assert.deepEqual([success, said], [false, own]);
  await using dir = new TempDir();
  const port = freePort();
  const config = dir.write(
    "prometheus.yml",
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: fluxheim
    static_configs: [{ targets: ["127.0.0.1:${ports.metrics}"] }]
`,
  );
  await using prometheus = new Process(find("prometheus")!, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${dir.path}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  await prometheus.listening(port);
  const expected = samplesOf(text).types.size;
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const body = await answer.text();
    return answer.ok ? JSON.parse(body).data : undefined;
  };
  await until("Prometheus has every metric", async () => {
    const metadata = await get("metadata");
    return metadata !== undefined && Object.keys(metadata).length >= expected;
  });
  const up = `query?query=${encodeURIComponent('up{job="fluxheim"}')}`;
  await until("it is up", async () => (await get(up))?.result[0]?.value[1] === "1");
}

testWith(
  ["curl", ...MISSING],
  "spans have the attributes of the reference, and no others that are not ours",
  async () => {
    await using run = await startEverything();
    await useEverything(run);
    const types = referenceAttributes();
    const seen = new Map<string, string>();
    await until("every attribute was seen", () => {
      for (const { attributes } of run.collector.spans) {
        for (const { key, value } of attributes) seen.set(key, Object.keys(value)[0]);
      }
      return [...types.keys()].every((key) => seen.has(key) || key.includes("lock_wait"));
    });
    assert.deepEqual(run.collector.faults, []);
    seen.delete("fluxheim.upstream.retries");
    for (const [key, type] of seen) assert.equal(type, types.get(key), key);
  },
);

testWith(
  ["curl", ...MISSING],
  "every access record has the fields of the reference in its order",
  async () => {
    await using run = await startEverything();
    await useEverything(run);
    const fields = referenceFields();
    const records = () =>
      run.gateway.process.output.split("\n").filter((line) => line.startsWith('{"event":"access"'));
    const some = (part: string) => records().some((line) => line.includes(part));
    for (
      const part of [
        '"vhost":"php"',
        '"cache_phase":"hit"',
        '"compression_encoding":"gzip"',
        '"tls_version":"TLSv1.3"',
        '"upstream_alias":"one"',
        '"geo_country":"AQ"',
        '"geo_asn":64496',
        '"route":"closed"',
        '"vhost":"unknown"',
      ]
    ) {
      await until(`${part} is logged`, () => some(part));
    }
    for (const line of records()) {
      const { timestamp, ...record } = JSON.parse(line);
      assert.ok(Number.isSafeInteger(timestamp));
      assert.deepEqual(Object.keys(record), [...fields.keys()]);
      for (const [name, isRight] of fields) {
        assert.ok(
          isRight(record[name]),
          `${name}: ${record[name]}`,
        );
      }
    }
    assert.doesNotMatch(run.gateway.process.output, new RegExp(TOKEN));
  },
);
