/**
 * The `headers` tables that apply to a scope, laid over each other and completed with defaults (spec
 * 02 section 6.4): scalars of the inner table win, names of `set` win one by one, lists grow.
 *
 * @module
 */
import type { CorsConfig } from "./cors_schema.ts";
import { isolationFields } from "./hardening.ts";
import type { HeadersConfig, RequestHeadersConfig, ResponseHeadersConfig } from "./schema.ts";

/** Names to delete, to write and to add, in lower case, with their values as configured. */
export interface Edits {
  readonly unset: ReadonlySet<string>;
  readonly set: ReadonlyMap<string, string>;
  readonly append: readonly (readonly [name: string, value: string])[];
}

/** `headers.request` of one scope, complete. */
export interface RequestSettings extends Edits {
  readonly enabled: boolean;
  readonly stripClientAddress: boolean;
  readonly xForwardedFor: "off" | "replace" | "append";
  readonly xRealIp: boolean;
  readonly xForwardedHost: boolean;
  readonly xForwardedProto: boolean;
  readonly forwarded: boolean;
}

/** `headers.response` of one scope, complete. */
export interface ResponseSettings extends Edits {
  readonly enabled: boolean;
  /** Security fields that replace those of the content, in the order of spec 02 section 6.3. */
  readonly security: readonly (readonly [name: string, value: string])[];
  readonly rewrite: RewriteSettings;
  /** `undefined` when off. */
  readonly cors: CorsSettings | undefined;
  /** An enabled `hsts` whose age is zero, which no single table shows. */
  readonly hstsWithoutAge: boolean;
}

/** One rule of `rewrite`. */
export interface RewriteRule {
  readonly from: string;
  readonly to: string;
}

/** The rules of `rewrite`, those of outer tables first. */
export interface RewriteSettings {
  readonly location: readonly RewriteRule[];
  readonly refresh: readonly RewriteRule[];
  readonly cookieDomain: readonly RewriteRule[];
  readonly cookiePath: readonly RewriteRule[];
}

/** `cors` of one scope, complete. */
export interface CorsSettings {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSecs: number | undefined;
}

const TWO_YEARS_SECS = 63_072_000;

/** A scope as far as its `headers` tables go. */
export interface HeaderScope {
  readonly config: { readonly headers?: HeadersConfig };
  readonly vhost: { readonly headers?: HeadersConfig };
  readonly route: { readonly headers?: HeadersConfig } | undefined;
}

/** The tables that apply, outermost first. */
function tablesOf({ config, vhost, route }: HeaderScope): readonly HeadersConfig[] {
  return [config.headers, vhost.headers, route?.headers].filter((table) => table !== undefined);
}

/** `headers.request` of a scope. */
export function requestSettings(scope: HeaderScope): RequestSettings {
  const layers = tablesOf(scope).map(({ request }) => request).filter((table) =>
    table !== undefined
  );
  const last = lastOf(layers);
  return {
    enabled: last("enabled") ?? true,
    stripClientAddress: last("strip_inbound_client_ip_headers") ?? true,
    xForwardedFor: last("x_forwarded_for") ?? "replace",
    xRealIp: last("x_real_ip") ?? layers.length > 0,
    xForwardedHost: last("x_forwarded_host") ?? true,
    xForwardedProto: last("x_forwarded_proto") ?? true,
    forwarded: last("forwarded") ?? false,
    ...edits(layers, []),
  };
}

/** `headers.response` of a scope. */
export function responseSettings(scope: HeaderScope): ResponseSettings {
  const layers = tablesOf(scope).map(({ response }) => response)
    .filter((table) => table !== undefined);
  const last = lastOf(layers);
  const hsts = hstsOf(layers);
  const endpoints = new Map(
    layers.flatMap(({ reporting_endpoints }) => Object.entries(reporting_endpoints ?? {})),
  );
  const profile = lastOf(layers.map(({ hardening }) => hardening ?? {}))("profile") ?? "off";
  const isolation = isolationFields(profile, {
    "permissions-policy": last("permissions_policy"),
    "cross-origin-opener-policy": last("cross_origin_opener_policy"),
    "cross-origin-resource-policy": last("cross_origin_resource_policy"),
    "cross-origin-embedder-policy": last("cross_origin_embedder_policy"),
    "x-permitted-cross-domain-policies": last("x_permitted_cross_domain_policies"),
  });
  const security: [string, string | undefined][] = [
    ["strict-transport-security", hsts.value ?? last("strict_transport_security")],
    ["content-security-policy", last("content_security_policy")],
    ["x-content-type-options", last("x_content_type_options") ?? "nosniff"],
    ["x-frame-options", last("x_frame_options") ?? "DENY"],
    ["referrer-policy", last("referrer_policy") ?? "no-referrer"],
    ["content-security-policy-report-only", last("content_security_policy_report_only")],
    ["reporting-endpoints", Array.from(endpoints, ([name, url]) => `${name}="${url}"`).join(", ")],
    ...isolation,
  ];
  const rules = layers.map(({ rewrite }) => rewrite ?? {});
  return {
    enabled: last("enabled") ?? true,
    security: security.flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, value] as const]
    ),
    rewrite: {
      location: rules.flatMap(({ location }) => location ?? []),
      refresh: rules.flatMap(({ refresh }) => refresh ?? []),
      cookieDomain: rules.flatMap(({ cookie_domain }) => cookie_domain ?? []),
      cookiePath: rules.flatMap(({ cookie_path }) => cookie_path ?? []),
    },
    cors: corsOf(layers.map(({ cors }) => cors ?? {})),
    hstsWithoutAge: hsts.withoutAge,
    // Only the root's own `unset` replaces what is deleted by default.
    ...edits(layers, scope.config.headers?.response?.unset === undefined ? ["x-powered-by"] : []),
  };
}

type EditKeys = "unset" | "remove" | "set" | "add" | "append" | "operations";

function edits(
  layers: readonly Pick<RequestHeadersConfig | ResponseHeadersConfig, EditKeys>[],
  unset: readonly string[],
): Edits {
  const deleted = new Set(unset);
  const set = new Map<string, string>();
  const append: (readonly [string, string])[] = [];
  for (const layer of layers) {
    const removed = [layer.unset, layer.remove, layer.operations?.remove];
    for (const name of removed.flatMap((names) => names ?? [])) deleted.add(name);
    for (const map of [layer.set, layer.add, layer.operations?.add]) {
      for (const [name, value] of Object.entries(map ?? {})) set.set(name.toLowerCase(), value);
    }
    for (const [name, values] of Object.entries(layer.append ?? {})) {
      for (const value of typeof values === "string" ? [values] : values) {
        append.push([name.toLowerCase(), value]);
      }
    }
  }
  return { unset: deleted, set, append };
}

/** `hsts` goes before `strict_transport_security`, whichever table has it. */
function hstsOf(
  layers: readonly ResponseHeadersConfig[],
): { value: string | undefined; withoutAge: boolean } {
  const tables = layers.map(({ hsts }) => hsts).filter((table) => table !== undefined);
  if (tables.length === 0) return { value: undefined, withoutAge: false };
  const last = lastOf(tables);
  if (!(last("enabled") ?? true)) return { value: "", withoutAge: false };
  const maxAge = last("max_age_secs") ?? TWO_YEARS_SECS;
  let value = `max-age=${maxAge}`;
  if (last("include_subdomains") ?? false) value += "; includeSubDomains";
  if (last("preload") ?? false) value += "; preload";
  return { value, withoutAge: maxAge === 0 };
}

function corsOf(layers: readonly CorsConfig[]): CorsSettings | undefined {
  const last = lastOf(layers);
  if (!(last("enabled") ?? false)) return undefined;
  return {
    origins: last("allow_origins") ?? [],
    methods: last("allow_methods") ?? ["GET", "HEAD", "POST"],
    allowHeaders: last("allow_headers") ?? [],
    exposeHeaders: last("expose_headers") ?? [],
    credentials: last("allow_credentials") ?? false,
    maxAgeSecs: last("max_age_secs"),
  };
}

/** Looks a key up in the innermost table that has it. */
function lastOf<T extends object>(
  layers: readonly T[],
): <K extends keyof T>(key: K) => T[K] | undefined {
  return (key) => layers.findLast((layer) => layer[key] !== undefined)?.[key];
}
