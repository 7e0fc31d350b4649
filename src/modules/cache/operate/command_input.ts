/** Values that the commands of the cache take. @module */
import type { Config } from "../../../config/types.ts";
import type { CommandArgs } from "../../../gateway/command.ts";
import { isToken, trimBlanks } from "../../../http/chars.ts";
import { hasControl } from "../../../config/read/text.ts";

/** Input of a command that cannot be used; the message says what is allowed. */
export class InputError extends Error {}

const MAX_HEADERS = 32;
const MAX_LINE_BYTES = 8192;
const MAX_NAME_BYTES = 64;
const FRAMING = ["host", "connection", "content-length", "transfer-encoding"];

/** The `--header` lines. */
export function headersOf(args: CommandArgs): (readonly [name: string, value: string])[] {
  const lines = args.all("header");
  if (lines.length > MAX_HEADERS) throw new InputError(`--header: at most ${MAX_HEADERS}`);
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimBlanks(line.slice(colon + 1));
    const isRight = isToken(name) && name.length <= MAX_NAME_BYTES &&
      line.length <= MAX_LINE_BYTES && !hasControl(value) && !FRAMING.includes(name);
    if (!isRight) {
      throw new InputError(`--header ${line}: must be "Name: value", not of the framing`);
    }
    return [name, value];
  });
}

/** `--host`, or the first host that the configuration names. */
export function hostOption(args: CommandArgs, { vhosts, server }: Config): string {
  const given = args.get("host");
  if (given !== undefined) {
    if (given === "" || given.length > 253 || /[\s/\\]/.test(given)) {
      throw new InputError("--host: must be a host of 1 to 253 bytes");
    }
    return given;
  }
  const preferred = vhosts.find(({ name }) => name === server.default_vhost) ?? vhosts[0];
  return preferred.hosts[0] ?? "localhost";
}

/** A path of `--path` or a line of a file. */
export function checkPath(path: string | undefined): string {
  const isPath = path !== undefined && path.startsWith("/") && path.length <= MAX_LINE_BYTES &&
    !hasControl(path) && !/[\s#]/.test(path);
  if (!isPath) throw new InputError("--path: must begin with / and have no spaces");
  return path;
}

/** A whole number in an option. */
export function numberOption(
  args: CommandArgs,
  name: string,
  otherwise: number,
  max: number,
): number {
  const text = args.get(name);
  if (text === undefined) return otherwise;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new InputError(`--${name}: must be from 1 to ${max}`);
  return value;
}
