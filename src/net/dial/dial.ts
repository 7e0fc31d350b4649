/**
 * Connects to upstreams, and reports what is wrong with the certificates of those it does not connect to.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { Attempt, type Dialed, type SourceFacts } from "./dial_attempt.ts";
import { DialError } from "./dial_error.ts";
import type { UpstreamTarget } from "./upstream_target.ts";

export type { Dialed, SourceFacts } from "./dial_attempt.ts";
export { DialError, type DialFailure } from "./dial_error.ts";
export { targetKey, type UpstreamTarget, type UpstreamTls } from "./upstream_target.ts";

/** Longest that a request waits to learn what is wrong with a certificate. */
const LOOK_TIMEOUT_MS = 2_000;
/** How long what was seen is reported again, so that requests that fail do not double the upstream's load. */
const LOOK_AGAIN_MS = 10_000;

/** What was seen of the certificate of an upstream, and until when that is reported again. */
interface Look {
  readonly until: number;
  /** `undefined` when there was nothing to see. */
  readonly found: Promise<DialError | undefined>;
}

/** Targets are made once for each plan, so there are few, and they go with it. */
const looks = new WeakMap<UpstreamTarget, Look>();

/**
 * Connects to `target`.
 *
 * @param source Needed only for targets with a PROXY header.
 * @param signal Gives up when it is aborted.
 * @throws {DialError}
 */
export async function dial(
  target: UpstreamTarget,
  source: SourceFacts | undefined,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Dialed> {
  const attempt = new Attempt(target, clock, signal);
  let failure: DialError;
  try {
    return await attempt.run(source);
  } catch (error) {
    attempt.giveUp();
    failure = attempt.explain(error);
  } finally {
    attempt.end();
  }
  const isUndescribed = failure.reason === "tls_certificate" && target.tls?.client !== undefined;
  throw isUndescribed ? await lookAt(target, source, clock) ?? failure : failure;
}

/**
 * What is wrong with the certificate of `target`: where we have one ourselves, the library ends the
 * handshake and does not report it. A second connection, which does not show ours, looks at it.
 */
function lookAt(
  target: UpstreamTarget,
  source: SourceFacts | undefined,
  clock: Clock,
): Promise<DialError | undefined> {
  const last = looks.get(target);
  if (last !== undefined && clock.now < last.until) return last.found;
  const found = look(target, source, clock);
  looks.set(target, { until: clock.now + LOOK_AGAIN_MS, found });
  return found;
}

async function look(
  target: UpstreamTarget,
  source: SourceFacts | undefined,
  clock: Clock,
): Promise<DialError | undefined> {
  const { tls, totalConnectTimeoutMs: limit = LOOK_TIMEOUT_MS } = target;
  const anonymous: UpstreamTarget = {
    ...target,
    tls: tls && { ...tls, client: undefined },
    totalConnectTimeoutMs: Math.min(limit, LOOK_TIMEOUT_MS),
  };
  try {
    const { stream } = await dial(anonymous, source, clock);
    stream.close();
    return undefined;
  } catch (error) {
    return error instanceof DialError && error.reason === "tls_certificate" ? error : undefined;
  }
}
