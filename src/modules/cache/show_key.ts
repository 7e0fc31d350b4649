/** The commands `cache-key` and `cache-lookup`. @module */
import type { CommandArgs, CommandCall } from "../../gateway/command.ts";
import type { Config } from "../../config/types.ts";
import { checkPath, headersOf, hostOption, InputError } from "./command_input.ts";
import { EXPECTATIONS } from "./commands.ts";
import { type Described, type Preview, previewOf } from "./preview.ts";

/** Prints the preview of a request. */
export function showKey(call: CommandCall, title: string): Promise<number> {
  return run(call, (preview) => {
    call.out(title);
    print(call, preview, Object.keys(preview));
  });
}

/** Prints what is stored of a request, as far as this process can see it. */
export function showObjects(call: CommandCall): Promise<number> {
  return run(call, (preview) => {
    const { args } = call;
    const expected = args.get("expect-objects");
    if (args.has("require-object")) throw new InputError("expected an object, found none");
    if (expected !== undefined && expected !== "0") {
      throw new InputError(`expected ${expected} objects, found 0`);
    }
    call.out("cache object lookup:");
    const keys = Object.keys(preview).filter((key) =>
      !key.startsWith("primary_") && key !== "variance_hash"
    );
    print(call, preview, keys);
    call.out("objects: 0");
  });
}

async function run(call: CommandCall, show: (preview: Preview) => void): Promise<number> {
  const config = await call.config();
  if (config === undefined) return 1;
  try {
    const preview = previewOf(config, describedBy(call.args, config));
    check(call.args, preview);
    show(preview);
    return 0;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    call.err(error.message);
    return 1;
  }
}

function describedBy(args: CommandArgs, config: Config): Described {
  const given = checkPath(args.get("path"));
  const mark = given.indexOf("?");
  const query = args.get("query");
  if (mark >= 0 && query !== undefined) {
    throw new InputError("--query: must not stand beside a path that has one");
  }
  const scheme = args.get("scheme") === "https" ? "https" : "http";
  return {
    method: args.get("method") ?? "GET",
    host: hostOption(args, config).toLowerCase(),
    path: mark < 0 ? given : given.slice(0, mark),
    query: mark < 0 ? query : given.slice(mark + 1),
    headers: headersOf(args),
    scheme,
    port: args.get("port") ?? (scheme === "https" ? "443" : "80"),
  };
}

/** Expectations come before anything is printed. */
function check(args: CommandArgs, preview: Preview): void {
  for (const [option, line] of Object.entries(EXPECTATIONS)) {
    const expected = args.get(option);
    const found = String(preview[line] ?? "");
    if (expected !== undefined && expected !== found) {
      throw new InputError(`expected ${line} ${expected}, found ${found === "" ? "none" : found}`);
    }
  }
  if (args.has("expect-ineligible") && preview.eligible === true) {
    throw new InputError("expected eligible false, found true");
  }
  if (args.has("expect-eligible") && preview.eligible !== true) {
    throw new InputError(`expected eligible true, found false: ${preview.reason}`);
  }
}

function print(call: CommandCall, preview: Preview, keys: readonly string[]): void {
  for (const key of keys) if (preview[key] !== undefined) call.out(`${key}: ${preview[key]}`);
}
