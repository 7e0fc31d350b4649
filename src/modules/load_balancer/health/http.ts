/** An HTTP request, and everything that its answer must have (spec 03 sections 12.4 and 12.5). @module */
import type { Fields } from "../../../http/fields.ts";
import type { HealthCheckConfig } from "../schema.ts";
import { type StatusSet, statusSet } from "../care/status_set.ts";
import { Asker, type ProbeAnswer } from "./asking.ts";
import { jsonAt } from "./json_path.ts";
import { fail, PASS, type ProbeProtocol, type ProbeResult } from "./probe.ts";

export const http: ProbeProtocol = {
  name: "http",
  open(context) {
    const { config } = context;
    const asker = new Asker(context);
    const expected = new Expectations(config);
    const fields = config.request_headers.map(({ name, value }) => [name, value] as const);
    const question = { method: config.method, target: config.path, fields };
    return {
      check: (address) => asker.ask(address, question, (answer) => expected.judge(answer)),
      retain: (addresses) => asker.retain(addresses),
      close: () => asker.close(),
    };
  },
};

/** What an answer must be like. */
class Expectations {
  readonly #config: HealthCheckConfig;
  readonly #statuses: StatusSet;
  readonly #texts: readonly Uint8Array[];

  constructor(config: HealthCheckConfig) {
    this.#config = config;
    const { expected_statuses: statuses, expected_status_ranges: ranges } = config;
    const isOpen = statuses.length + ranges.length === 0;
    this.#statuses = statusSet(isOpen ? [200] : statuses, ranges);
    this.#texts = config.expected_body_contains.map((text) => new TextEncoder().encode(text));
  }

  judge({ status, fields, body }: ProbeAnswer): ProbeResult {
    if (!this.#statuses.has(status)) return fail(`it answered ${status}`);
    for (const { name, value } of this.#config.expected_headers) {
      if (!hasValue(fields, name, value)) return fail(`its answer lacks the expected ${name}`);
    }
    const weight = weightIn(fields, this.#config.health_weight_min_percent);
    if (weight === undefined) return fail("its X-Health-Weight is not a number from 1 to 100");
    if (!this.#texts.every((text) => contains(body, text))) {
      return fail("its body lacks an expected text");
    }
    const rules = this.#config.expected_body_json;
    if (rules.length > 0) {
      const text = decoded(body);
      if (text === undefined) return fail("its body is not JSON");
      for (const { path, equals } of rules) {
        const found = jsonAt(text, path.split("."));
        if (found === undefined) return fail(`its body has no ${path}, or is not JSON`);
        if (found !== equals) return fail(`${path} in its body is another value`);
      }
    }
    return weight === 0 ? PASS : { kind: "pass", weight };
  }
}

function hasValue(fields: Fields, name: string, value: string): boolean {
  for (let i = 0; i < fields.size; i++) {
    if (fields.names[i] === name && fields.values[i] === value) return true;
  }
  return false;
}

/**
 * The percentage that an answer asks for, at least `least`; 0 for the whole weight, `undefined` for something
 * else.
 */
export function weightIn(fields: Fields, least: number): number | undefined {
  const text = fields.get("x-health-weight")?.trim();
  if (text === undefined) return 0;
  if (!/^(?:[1-9][0-9]?|100)$/.test(text)) return undefined;
  const percent = Math.max(Number(text), least);
  return percent === 100 ? 0 : percent;
}

function contains(body: Uint8Array, text: Uint8Array): boolean {
  for (let at = body.indexOf(text[0]); at >= 0; at = body.indexOf(text[0], at + 1)) {
    let i = 1;
    while (i < text.length && body[at + i] === text[i]) i++;
    if (i === text.length) return true;
  }
  return false;
}

function decoded(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
