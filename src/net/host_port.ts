/** Hosts with their ports, as configurations and sockets write them. @module */
import { ipFamily } from "./ip.ts";

/** Host (without brackets) and port of `host:port` or `[v6]:port`; `undefined` when it is neither. */
export function splitAuthority(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(value);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (match[1] !== undefined) {
    return match[1].includes(":") && ipFamily(match[1]) !== 0
      ? { host: match[1], port }
      : undefined;
  }
  return { host: match[2], port };
}
