/** Answers in place of one that could not be fetched (spec 04 sections 6.4 and 6.7). @module */
import { ClientResponse } from "../../../http/client.ts";
import { bytesOf, respond, textFields } from "./answers.ts";
import type { Cache } from "../cache.ts";
import { showStatus } from "./delivery.ts";
import type { ErrorKind } from "../policy/policy.ts";
import { IF_ERROR, READY } from "../store/slot_words.ts";
import type { Asked, Task } from "../lookup/task.ts";

/** Stale content for a failure of this kind, or for one of our own making. */
export function staleAnswer(
  cache: Cache,
  task: Task,
  kind?: ErrorKind,
): ClientResponse | undefined {
  const { stale, exchange } = task;
  const { policy, store, events } = cache.parts;
  if (stale === undefined || exchange === undefined) return undefined;
  if (kind !== undefined && !policy.staleOn.has(kind)) return undefined;
  if (Date.now() >= store.index.float(stale.held.slot, IF_ERROR)) return undefined;
  if (store.index.phase(stale.held.slot) !== READY) return undefined;
  events.stale.count();
  return respond(cache.delivered(exchange, stale.held, stale.object, "STALE", task.reason));
}

/** Stale content for an answer with an error. */
export function staleFor5xx(cache: Cache, task: Task, status: number): ClientResponse | undefined {
  const { staleStatuses } = cache.parts.policy;
  if (staleStatuses.size > 0 && !staleStatuses.has(status)) return undefined;
  return staleAnswer(cache, task, "http-status");
}

/** Spec 04 section 6.7. */
export function overBudget(cache: Cache, task: Asked): ClientResponse {
  const text = "cache origin fill budget exhausted";
  const fields = textFields(text);
  fields.append("retry-after", "1");
  showStatus(fields, cache.parts.headers, "BYPASS", "origin-protected");
  if (task.exchange !== undefined) task.exchange.findings.cachePhase = "bypass";
  return new ClientResponse(503, fields, bytesOf(text), undefined);
}
