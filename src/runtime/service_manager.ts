/**
 * Reports to systemd of a `Type=notify` unit (sd_notify(3)): that the gateway serves, that it stops, and
 * that its first thread runs. One datagram each, to the socket that `server.process.notify_socket` names.
 *
 * What this runtime does not let it do: sockets in the abstract namespace (`@`), for which no permission can
 * be given, and `RELOADING=1`, which needs the kernel's monotonic clock (`Type=notify-reload`).
 *
 * @module
 */
import type { Config, Problem } from "../config/types.ts";
import type { Logger } from "../gateway/reports/log.ts";
import { NO_MANAGER, type ServiceManager } from "./log/record_types.ts";
import { NOTIFY_VARIABLE, ownSocket, WATCHDOG_VARIABLE } from "./notify_socket.ts";
import { readableVariable } from "./preflight.ts";

const KEY = "server.process.notify_socket";
const encoder = new TextEncoder();

/**
 * Opens the way to the service manager that has started this process, if one has.
 *
 * @returns Or what speaks against starting: systemd ends a unit that sends no report.
 */
export function openServiceManager(config: Config, log: Logger): ServiceManager | Problem {
  const path = config.server.process.notify_socket;
  const named = readableVariable(NOTIFY_VARIABLE);
  if (path === undefined || named === undefined) return NO_MANAGER;
  if (named !== path) {
    return {
      key: KEY,
      message: `must be what the service manager names: $${NOTIFY_VARIABLE} is "${named}"`,
      hint: named.startsWith("@")
        ? "a socket in the abstract namespace cannot be used: no permission can be given for it"
        : `set ${KEY} = "${named}", or use Type=simple`,
    };
  }
  try {
    return new SystemdManager(path, ownSocket(config), watchdogMs(), log);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { key: KEY, message: `cannot be used: ${reason}`, hint: "or use Type=simple" };
  }
}

function watchdogMs(): number {
  const micros = Number(readableVariable(WATCHDOG_VARIABLE) ?? "0");
  return Number.isSafeInteger(micros) && micros > 0 ? micros / 1000 : 0;
}

class SystemdManager implements ServiceManager {
  readonly #path: string;
  readonly #socket: Deno.DatagramConn;
  readonly #log: Logger;
  /** Signs of life are sent twice as often as they are waited for; 0: none are. */
  readonly #everyMs: number;
  #lastSign = 0;
  #hasFailed = false;

  constructor(path: string, own: string, watchdogMs: number, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#everyMs = watchdogMs / 2;
    // A datagram goes to a socket that is there, or not at all.
    if (Deno.lstatSync(path).isSocket !== true) throw new Error(`${path} is not a socket`);
    removeQuietly(own);
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
    removeQuietly(own);
  }

  ready(): void {
    this.#send(`READY=1\nMAINPID=${Deno.pid}\nSTATUS=serving`);
  }

  stopping(): void {
    this.#send("STOPPING=1\nSTATUS=draining");
  }

  status(text: string): void {
    this.#send(`STATUS=${text.replaceAll("\n", " ")}`);
  }

  tick(): void {
    const now = performance.now();
    if (this.#everyMs === 0 || now - this.#lastSign < this.#everyMs) return;
    this.#lastSign = now;
    this.#send("WATCHDOG=1");
  }

  close(): void {
    this.#socket.close();
  }

  #send(text: string): void {
    const address = { transport: "unixpacket", path: this.#path } as const;
    this.#socket.send(encoder.encode(`${text}\n`), address).catch((error) => {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#log.log("warn", "fluxheim", `${KEY}: systemd gets no reports: ${error.message}`);
    });
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // There is none.
  }
}
