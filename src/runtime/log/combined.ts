/**
 * The combined log format of the Apache HTTP Server, for tools that read it. Like the record it has no
 * query, neither of the request nor of the referrer.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { clientOf, protocolOf } from "./access_fields.ts";
import type { AccessLogSettings, AccessRecords } from "./record_types.ts";

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNSAFE = /["\\\x00-\x1f\x7f-\uffff]/g;

/** Makes lines of the combined format. */
export class CombinedRecord implements AccessRecords {
  readonly #settings: AccessLogSettings;
  /** The time of the last record: many are made in one second. */
  #second = 0;
  #time = "";

  constructor(settings: AccessLogSettings) {
    this.#settings = settings;
  }

  of(exchange: Exchange): string {
    const { include_client_ip, include_path } = this.#settings;
    const { request, status, responseBodyBytes } = exchange;
    const client = include_client_ip ? clientOf(exchange) : "";
    const path = include_path ? safe(exchange.path) : "-";
    const referer = include_path ? withoutQuery(request.get("referer") ?? "") : "";
    return `${client === "" ? "-" : safe(client)} - - [${this.#now()}] ` +
      `"${safe(exchange.method)} ${path} ${protocolOf(exchange)}" ` +
      `${status === 0 ? "-" : status} ${responseBodyBytes === 0 ? "-" : responseBodyBytes} ` +
      `"${field(referer)}" "${field(request.get("user-agent") ?? "")}"`;
  }

  /** `10/Oct/2000:13:55:36 +0000`. */
  #now(): string {
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#second) return this.#time;
    this.#second = second;
    const now = new Date(second * 1000);
    const day = String(now.getUTCDate()).padStart(2, "0");
    const time = now.toISOString().slice(11, 19);
    this.#time = `${day}/${MONTHS[now.getUTCMonth()]}/${now.getUTCFullYear()}:${time} +0000`;
    return this.#time;
  }
}

function field(value: string): string {
  return value === "" ? "-" : safe(value);
}

function withoutQuery(value: string): string {
  const query = value.search(/[?#]/);
  return query < 0 ? value : value.slice(0, query);
}

/** As Apache does it: what a client sent can neither end a field nor a line. */
function safe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    const code = character.charCodeAt(0);
    return code > 0xff
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
