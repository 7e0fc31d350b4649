/** Which gateway a command asks, and how: by its options, or by the configuration. @module */
import type { CommandCall, CommandOption } from "../../../gateway/command.ts";
import type { Config } from "../../../config/types.ts";
import { look } from "../../../config/read/file_look.ts";
import { adminOf, type EnabledAdmin, MAX_TOKEN_BYTES, tokenOf } from "../table.ts";
import type { Target } from "./client.ts";

/** Options of every command that asks a running gateway. */
export const TARGET_OPTIONS: readonly CommandOption[] = [
  {
    name: "socket",
    value: "PATH",
    conflicts: ["listen"],
    help: "ask the ops socket at PATH; without it that of the configuration, if it is on",
  },
  { name: "listen", value: "ADDRESS", help: "ask the admin API at ADDRESS, an IP and port" },
  {
    name: "token-file",
    value: "PATH",
    help: "file with the bearer token; without it what the configuration names",
  },
];

/** `--json`. */
export const JSON_OPTION: CommandOption = { name: "json", help: "print JSON, for machines" };

/**
 * What a command asks, or why it cannot; `undefined` after problems of the configuration were reported.
 *
 * @param changes The command changes something, which only the admin API can do.
 */
export async function targetOf(
  call: CommandCall,
  changes = false,
): Promise<Target | string | undefined> {
  const { args } = call;
  const file = args.get("token-file");
  const given = file === undefined ? undefined : readToken(file);
  if (given !== undefined && "problem" in given) return given.problem;
  const socket = args.get("socket");
  if (socket !== undefined && changes) {
    return "the ops socket can only be read; name the admin API with --listen";
  }
  if (socket !== undefined) return { address: { socket }, token: given?.token };
  const listen = args.get("listen");
  if (listen !== undefined) return { address: { listen }, token: given?.token };
  const config = await call.config();
  if (config === undefined) return undefined;
  const admin = adminOf(config);
  if (admin === undefined) {
    return "the configuration has no [admin] that is enabled; name the gateway with --socket or --listen";
  }
  const token = given?.token ?? tokenFor(admin);
  const { enabled, path } = admin.ops_socket;
  if (!changes && enabled && mayUse(path)) return { address: { socket: path }, token };
  return { address: { listen: admin.listen }, token };
}

/** The admin API of a configuration, where this process may know its token. */
export function apiOf(config: Config): Target | undefined {
  const admin = adminOf(config);
  const token = admin === undefined ? undefined : tokenFor(admin);
  if (admin === undefined || token === undefined) return undefined;
  return { address: { listen: admin.listen }, token };
}

/** The ops socket of a configuration, where it is on. */
export function opsOf(config: Config): Target | undefined {
  const admin = adminOf(config);
  if (admin?.ops_socket.enabled !== true) return undefined;
  return { address: { socket: admin.ops_socket.path }, token: tokenFor(admin) };
}

function mayUse(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

function tokenFor({ token_env, token_file }: EnabledAdmin): string | undefined {
  if (token_file !== undefined) {
    const read = readToken(token_file);
    return "token" in read ? read.token : undefined;
  }
  const variable = token_env ?? "";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return tokenOf(Deno.env.get(variable) ?? "");
}

function readToken(path: string): { readonly token: string } | { readonly problem: string } {
  const found = look(path, MAX_TOKEN_BYTES + 2);
  if (found.problem !== undefined) return { problem: `the token file ${path} ${found.problem}` };
  const token = tokenOf(new TextDecoder().decode(found.content));
  return token === undefined ? { problem: `the token file ${path} has no token` } : { token };
}
