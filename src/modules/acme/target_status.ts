/** What is known of a managed certificate from what is on the disk. @module */
import type { X509Certificate } from "node:crypto";
import { certificatesIn, checkPair } from "../../net/tls/key_pair.ts";
import { certificateId } from "./client/renewal_info.ts";
import { dueAt, type Validity } from "./due_time.ts";
import type { TargetState } from "./store/state_store.ts";
import type { EnabledAcme, Target } from "./table.ts";

/** Most that the clocks of gateways with one storage may differ. */
const MAX_SKEW_SECS = 3600;

/** A certificate as it is now. Times in seconds since 1970. */
export interface TargetStatus {
  readonly status: "missing" | "due" | "valid";
  readonly notAfter: number | undefined;
  /** When it should be ordered. */
  readonly dueAt: number;
  /** When it will be tried: later than that after failures. */
  readonly nextAttempt: number;
  readonly state: TargetState;
}

/** What is known of a target at `now`, in seconds since 1970. */
export function statusOf(
  target: Target,
  state: TargetState,
  { renewal }: Pick<EnabledAcme, "renewal">,
  now: number,
): TargetStatus {
  const validity = readValidity(target);
  const leaf = leafOf(target);
  // What was said of another certificate says nothing of this one.
  const isOwn = leaf !== undefined && certificateId(leaf) === state.info?.id;
  const info = isOwn ? state.info : undefined;
  const { renew_before_secs: renewBeforeSecs, renew_after } = renewal;
  const renewAfter = renew_after === undefined ? undefined : renew_after.getTime() / 1000;
  const own = dueAt(validity, { renewBeforeSecs, renewAfter });
  const wanted = validity === undefined ? 0 : info?.renewAt ?? 0;
  const due = wanted === 0 ? own : Math.min(own, Math.max(wanted, renewAfter ?? 0));
  // Written by a clock that was ahead: waiting until it is that late again could take years.
  const isFromLater = state.lastAttempt > now + MAX_SKEW_SECS;
  const status = validity === undefined ? "missing" : due <= now ? "due" : "valid";
  return {
    status,
    notAfter: validity?.notAfter,
    dueAt: due,
    nextAttempt: Math.max(due, isFromLater ? 0 : state.nextAttempt),
    state: { ...state, info },
  };
}

/** The installed certificate. */
export function leafOf({ directory }: Target): X509Certificate | undefined {
  try {
    return certificatesIn(Deno.readFileSync(`${directory}/fullchain.pem`))[0];
  } catch {
    return undefined;
  }
}

/** How long the installed certificate holds, if it is for the names of `target` and its key is there. */
export function readValidity(target: Target): Validity | undefined {
  const { directory, domains } = target;
  try {
    const cert = Deno.readFileSync(`${directory}/fullchain.pem`);
    if (checkPair(cert, Deno.readFileSync(`${directory}/privkey.pem`), [], 0).pair === undefined) {
      return undefined;
    }
    const [leaf] = certificatesIn(cert);
    // A star stands for one label.
    const isFor = (name: string) => leaf.checkHost(name.replace(/^\*\./, "x.")) !== undefined;
    return domains.every(isFor)
      ? {
        notBefore: leaf.validFromDate.getTime() / 1000,
        notAfter: leaf.validToDate.getTime() / 1000,
      }
      : undefined;
  } catch {
    return undefined;
  }
}
