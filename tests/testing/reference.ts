/**
 * The tables of `docs/spec/06-admin-observability.md`, for tests that compare them with what the program emits.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(
  new URL("../../docs/spec/06-admin-observability.md", import.meta.url),
);

/** A metric of the reference. */
export interface ReferenceMetric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** In their order. */
  readonly labels: readonly string[];
  /** Sets that are closed, by label. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
  /** Of a histogram. */
  readonly buckets: readonly number[] | undefined;
}

const text = Deno.readTextFileSync(PAGE);

/** The text of a section: from its heading to the next one of its height or above. */
function section(heading: string): string {
  const at = text.indexOf(`\n## ${heading}`);
  if (at < 0) throw new Error(`the reference has no section ${heading}`);
  const end = text.slice(at + 1).search(/\n(?:# |## |---)/);
  return text.slice(at, end < 0 ? undefined : at + 1 + end);
}

/** Cells of the rows of its tables, without their heads. */
function rows(part: string): string[][] {
  return part.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}

/** Everything in backticks. */
function quotedIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]*)`/g)].map(([, one]) => one);
}

function words(list: string): string[] {
  return list.split(/[ ,]+/).filter((word) => word !== "");
}

/** Sets of B2, for every metric with such a label. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  method: words("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT OTHER"),
  status_class: words("1xx 2xx 3xx 4xx 5xx other unknown"),
  class: words(
    "informational success redirect client_error server_error other unknown proxy_error",
  ),
};

/** Sets below a table: `- LB \`event\`: \`...\``. */
function setBelow(part: string, subject: string, label: string): readonly string[] {
  const found = new RegExp(`^(?:- )?${subject} \`${label}\`: \`([^\`]*)\``, "m").exec(part);
  if (found === null) throw new Error(`no set of ${subject} ${label}`);
  return words(found[1]);
}

function subjectOf(name: string): string {
  if (name.startsWith("fluxheim_load_balancer_")) return "LB";
  return name.startsWith("fluxheim_php_") ? "PHP" : "Cache";
}

function counters(): ReferenceMetric[] {
  const part = section("B3.");
  const found: ReferenceMetric[] = [];
  for (const [nameCell, labelCell, setCell] of rows(part)) {
    const [name] = quotedIn(nameCell);
    const labels = words(quotedIn(labelCell)[0]);
    let sets: Record<string, readonly string[]> = {};
    if (setCell === "same") sets = { ...found.at(-1)?.sets };
    else {
      // What is neither is a remark.
      const parts = setCell.split(";").map((one) => one.trim())
        .filter((one) => one.includes("`") || one.endsWith("below"));
      for (const [index, one] of parts.entries()) {
        const isBelow = /\bbelow$/.test(one);
        const label = /^(\w+) [`b]/.exec(one)?.[1] ?? labels[labels.length - parts.length + index];
        const [list] = quotedIn(one);
        if (isBelow) sets[label] = setBelow(part, subjectOf(name), label);
        else if (list !== undefined) sets[label] = words(list);
      }
    }
    found.push({
      name,
      type: "counter",
      labels,
      sets: withCommon(labels, sets),
      buckets: undefined,
    });
  }
  return found;
}

function histograms(): ReferenceMetric[] {
  const part = section("B4.");
  const found: ReferenceMetric[] = [];
  for (const [nameCell, labelCell, bucketCell] of rows(part)) {
    const [name] = quotedIn(nameCell);
    const [list, set] = quotedIn(labelCell);
    const labels = words(list);
    const sets: Record<string, readonly string[]> = {};
    if (set !== undefined) sets[labels[labels.length - 1]] = words(set);
    if (labels.includes("phase")) sets.phase = setBelow(part, "Cache", "phase");
    const more = /^previous row plus (\d+)$/.exec(bucketCell);
    const buckets = more === null
      ? words(bucketCell).map(Number)
      : [...found.at(-1)?.buckets ?? [], Number(more[1])];
    found.push({ name, type: "histogram", labels, sets: withCommon(labels, sets), buckets });
  }
  return found;
}

function gauges(): ReferenceMetric[] {
  const part = section("B5.");
  const plain = (name: string, labels: readonly string[]): ReferenceMetric => ({
    name,
    type: "gauge",
    labels,
    sets: {},
    buckets: undefined,
  });
  const labelled = rows(part).map(([nameCell, labelCell]) =>
    plain(quotedIn(nameCell)[0], words(quotedIn(labelCell)[0]))
  );
  const unlabelled = part.split("\n").filter((line) => line.startsWith("Unlabelled"))
    .flatMap((line) => {
      const [prefix, ...names] = quotedIn(line);
      return names.map((name) => plain(prefix + name, []));
    });
  return [...labelled, ...unlabelled];
}

function withCommon(
  labels: readonly string[],
  sets: Readonly<Record<string, readonly string[]>>,
): ReferenceMetric["sets"] {
  const common = labels.filter((label) => label in COMMON).map((label) => [label, COMMON[label]]);
  return { ...Object.fromEntries(common), ...sets };
}

/** Every metric of B3 to B5. */
export function referenceMetrics(): readonly ReferenceMetric[] {
  return [...counters(), ...histograms(), ...gauges()];
}

/** Attributes of C3 by name: the key of their value in OTLP. */
export function referenceAttributes(): ReadonlyMap<string, string> {
  const types: Readonly<Record<string, string>> = {
    string: "stringValue",
    int: "intValue",
    bool: "boolValue",
    double: "doubleValue",
  };
  return new Map(
    rows(section("C3.")).flatMap(([names, type]) =>
      quotedIn(names).filter((name) => name.includes(".") || name === "error")
        .map((name) => [name, types[type]] as const)
    ),
  );
}

/** Fields of D3 in their order: whether a value is what the reference says of it. */
export function referenceFields(): ReadonlyMap<string, (value: unknown) => boolean> {
  return new Map(
    rows(section("D3.")).flatMap(([names, type]) => {
      const types = type.split("; ");
      return quotedIn(names).map((name, index) =>
        [name, checkOf(types[Math.min(index, types.length - 1)])] as const
      );
    }),
  );
}

function checkOf(type: string): (value: unknown) => boolean {
  switch (type) {
    case "string":
      return (value) => typeof value === "string";
    case "bool":
      return (value) => typeof value === "boolean";
    case "int":
      return (value) => Number.isSafeInteger(value);
    case "int or null":
    case "number or null":
      return (value) => value === null || Number.isSafeInteger(value);
    default:
      throw new Error(`the reference has a type "${type}"`);
  }
}
