/** Every selection policy, and which of them a configuration's word stands for. @module */
import { boundedLoad, consistent } from "./consistent.ts";
import { hash } from "./hash.ts";
import { leastConnections, leastSessions, leastTime } from "./least.ts";
import { maglev } from "./maglev.ts";
import { nginxRing } from "./nginx_ring.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { roundRobin } from "./round_robin.ts";
import type { HashSource, SelectionPolicy } from "./selection.ts";

const POLICIES: readonly SelectionPolicy[] = [
  roundRobin,
  leastConnections,
  leastSessions,
  leastTime,
  powerOfTwo,
  hash,
  consistent,
  boundedLoad,
  maglev,
  nginxRing,
];

const SOURCES = ["source", "uri", "header", "cookie"] as const satisfies readonly HashSource[];

/** A policy, and what of a request it hashes. */
export interface ChosenPolicy {
  readonly policy: SelectionPolicy;
  readonly source: HashSource | undefined;
}

/**
 * The policy that `selection`, in its canonical spelling, stands for.
 *
 * @throws {Error} For any other text: a fault of the caller.
 */
export function policyOf(selection: string): ChosenPolicy {
  for (const policy of POLICIES) {
    if (!policy.hashes) {
      if (policy.name === selection) return { policy, source: undefined };
      continue;
    }
    const source = SOURCES.find((name) => `${policy.name}${name}-hash` === selection);
    if (source !== undefined) return { policy, source };
  }
  throw new Error(`no selection is called ${selection}`);
}

/** As metrics call it. */
export function metricLabel(selection: string): string {
  return selection.replaceAll("-", "_");
}
