/** What a pool would do with a request, and why each member would or would not get it. @module */
import { ClientRequest } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Member } from "./member.ts";
import type { Pool } from "./pool.ts";
import { DISABLED, DRAINED, FORCED_DOWN, UNHEALTHY } from "./memory/pool_memory.ts";

/** One line: the member that is chosen now, then every other one with the reason why it is not. */
export function explainChoice(pool: Pool, exchange: Exchange): string {
  const { chooser, keyOf, proxy, room, persistence } = pool.parts;
  const { members } = chooser.view;
  if (members.length === 0) return "the pool has no members yet";
  const request = new ClientRequest(
    exchange.method,
    exchange.target,
    "http",
    exchange.authority,
    new Fields(),
    undefined,
    undefined,
  );
  const key = keyOf(request, exchange);
  const chosen = chooser.choose({ key, tried: undefined, isFirst: false });
  const others = members.filter((member) => member !== chosen)
    .map((member) => `${member.name}: ${reasonAgainst(pool, member, chosen)}`);
  const { selection, all_down_status: status } = proxy.load_balance;
  const which = chosen === undefined
    ? `no member (${
      room === undefined ? "" : `waits up to ${room.rules.timeoutMs} ms, then `
    }${status})`
    : chosen.name + (chosen.settings.alias === "" ? "" : ` at ${chosen.address}`);
  const sessions = persistence === undefined ? "" : " unless the client has a session";
  const rest = others.length === 0 ? "" : `; not ${others.join(", ")}`;
  return `forwards to ${which} by ${selection}${sessions}${rest}`;
}

/** Why `member` is passed over, in a few words. */
export function reasonAgainst(
  { parts: { chooser, shared, now, ejection } }: Pool,
  { slot, settings }: Member,
  chosen: Member | undefined,
): string {
  const flags = shared.flags(slot);
  if (settings.isDisabled) return "disabled";
  if (settings.isDrained) return "drained";
  if ((flags & DRAINED) !== 0) return "drained by an operator";
  if ((flags & DISABLED) !== 0) return "disabled by an operator";
  if ((flags & FORCED_DOWN) !== 0) return "forced down by an operator";
  if ((flags & UNHEALTHY) !== 0) return "down by its probes";
  const inFlight = shared.inFlight(slot);
  if (inFlight >= settings.cap) return `at its cap of ${settings.cap}`;
  const left = ejection === undefined ? 0 : shared.ejectionLeft(slot, now());
  if (left > 0) return `ejected for ${Math.ceil(left / 100)} s more`;
  const trials = ejection === undefined ? 0 : shared.trials(slot);
  if (trials > 0 && inFlight >= trials) return "on trial after an ejection";
  const { hasPreferred, hasPriorities } = chooser.options.rules;
  if (hasPreferred && !settings.isPreferred && chosen?.settings.isPreferred === true) {
    return `in another locality (${settings.locality})`;
  }
  if (settings.isBackup && chosen?.settings.isBackup !== true) return "backup";
  const [mine, theirs] = [settings.priority ?? 0, chosen?.settings.priority ?? 0];
  if (hasPriorities && mine < theirs) return `of a lower priority (${mine})`;
  return "not its turn";
}
