/** The commands `cache-key` and `cache-lookup`. @module */
import type { CommandArgs, CommandCall } from "../../../gateway/command.ts";
import type { Config } from "../../../config/types.ts";
import { checkPath, headersOf, hostOption, InputError } from "./command_input.ts";
import { expectObjects } from "../lookup/expected_objects.ts";
import { EXPECTATIONS } from "../lookup/expectations.ts";
import { Fields } from "../../../http/fields.ts";
import { varianceOf } from "../key/vary.ts";
import { policyOf } from "../policy/policy.ts";
import { cacheTableOf, type Described, type Preview, previewOf } from "./preview.ts";
import { objectFiles, readObject } from "../store/object_reader.ts";
import { diskOf, userTag } from "../table.ts";

/** Prints the preview of a request. */
export function showKey(call: CommandCall, title: string): Promise<number> {
  return run(call, (preview) => {
    call.out(title);
    print(call, preview, Object.keys(preview));
  });
}

/** Prints what is stored of a request, as far as this process can see it: what lies on disk. */
export function showObjects(call: CommandCall): Promise<number> {
  return run(call, (preview, config, request) => {
    const { args } = call;
    const found = storedObjects(config, request, args);
    const expected = args.get("expect-objects");
    if (args.has("require-object") && found.length === 0) {
      throw new InputError("expected an object, found none");
    }
    if (expected !== undefined && expected !== String(found.length)) {
      throw new InputError(`expected ${expected} objects, found ${found.length}`);
    }
    expectObjects(
      args,
      found.map((object) => ({ lines: linesOf(object), ...object.head.meta })),
    );
    call.out("cache object lookup:");
    const keys = Object.keys(preview).filter((key) =>
      !key.startsWith("primary_") && key !== "variance_hash"
    );
    print(call, preview, keys);
    call.out(`objects: ${found.length}`);
    for (const object of found) {
      for (const [key, value] of Object.entries(linesOf(object))) call.out(`  ${key}: ${value}`);
    }
  });
}

/** The objects of a request on disk; with `--scheme` and `--port` those of them alone. */
function storedObjects(config: Config, request: Described, args: CommandArgs): StoredObject[] {
  const table = cacheTableOf(config, request);
  const disk = table && diskOf(table);
  if (table === undefined || disk === undefined) return [];
  const { method, host, path, query = "", scheme, port } = request;
  const loose = policyOf(table.config).keys.loose({ method, host, path, query, scheme, port });
  const headers = Fields.of(...request.headers);
  const found: StoredObject[] = [];
  for (const file of objectFiles(disk.root)) {
    const object = readObject(file, table.config.max_object_bytes);
    if (object === undefined || object.head.userTag !== userTag(table)) continue;
    const { meta } = object.head;
    const isIt = meta.loose === loose &&
      (!args.has("scheme") || meta.scheme === scheme) &&
      (!args.has("port") || meta.port === port) &&
      meta.variance === varianceOf(meta.vary, headers).toHex();
    if (isIt) found.push(object);
  }
  return found;
}

type StoredObject = NonNullable<ReturnType<typeof readObject>>;

function linesOf({ head, bytes }: StoredObject): Record<string, string | number | boolean> {
  const { meta, times } = head;
  const now = Date.now();
  const isFresh = now < times.expiresMs;
  const revalidates = !isFresh && now < times.whileRevalidateMs;
  const onError = !isFresh && now < times.ifErrorMs;
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return {
    tier: "disk",
    purge_indexed: true,
    status: meta.status,
    fresh: isFresh,
    freshness_state: isFresh ? "fresh" : revalidates || onError ? "stale" : "expired",
    serve_stale_while_revalidate: revalidates,
    serve_stale_if_error: onError,
    body_bytes: head.bodyBytes,
    weight_bytes: bytes,
    created_unix_secs: seconds(times.datedMs),
    updated_unix_secs: seconds(times.datedMs),
    fresh_until_unix_secs: seconds(times.expiresMs),
    age_secs: Math.max(0, seconds(now - times.datedMs)),
    fresh_ttl_secs: Math.max(0, seconds(times.expiresMs - now)),
    stale_while_revalidate_secs: seconds(times.whileRevalidateMs - times.expiresMs),
    stale_if_error_secs: seconds(times.ifErrorMs - times.expiresMs),
    cache_tags: meta.tags.join(","),
    header_names: meta.names.join(","),
  };
}

async function run(
  call: CommandCall,
  show: (preview: Preview, config: Config, request: Described) => void,
): Promise<number> {
  const config = await call.config();
  if (config === undefined) return 1;
  try {
    const request = describedBy(call.args, config);
    const preview = previewOf(config, request);
    check(call.args, preview);
    show(preview, config, request);
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
