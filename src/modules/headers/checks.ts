/** Rules of `headers` tables that span tables (spec 02 section 6). @module */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, placesAreKnown, scopesOf } from "../../gateway/edge_policy.ts";
import { type CorsSettings, type HeaderScope, responseSettings } from "./merge.ts";
import { splitBraces } from "../../config/schema/templates/braces.ts";
import { HOP_BY_HOP_FIELDS } from "./field_names.ts";
import type { HeadersConfig, RequestHeadersConfig } from "./schema.ts";
import { placeVariables } from "./template.ts";

/** What the tables of `config` say together that they may not. */
export function checkHeaders(config: Config): Problem[] {
  return [...checkMerged(config), ...checkPlaces(config), ...checkEffects(config)];
}

/** What is in some `headers` table and is not done. */
function checkEffects(config: Config): Problem[] {
  const problems = [...inertEdits(config.headers, "")];
  let answersCors = false;
  for (const scope of scopesOf(config)) {
    const { headers } = ownTables(scope);
    problems.push(...inertEdits(headers, `${scope.key}.`));
    if (responseSettings(scope).cors !== undefined) answersCors = true;
    else problems.push(...idleCors(headers, `${scope.key}.`));
  }
  // That of the root may be there for scopes that switch it on.
  if (!answersCors) problems.push(...idleCors(config.headers, ""));
  return problems;
}

/** CORS settings that are never switched on. */
function* idleCors(headers: HeadersConfig | undefined, key: string): Generator<Problem> {
  const cors = headers?.response?.cors;
  if (cors === undefined || cors.enabled !== undefined || Object.keys(cors).length === 0) return;
  yield {
    key: `${key}headers.response.cors`,
    message: "is filled in, but off because enabled is not set: nothing in it has an effect",
    hint: "write enabled = true, or take the table out",
    about: [`${key}headers.response.cors.enabled`],
    warning: true,
  };
}

function* inertEdits(headers: HeadersConfig | undefined, key: string): Generator<Problem> {
  for (const { place, name } of writtenFields(headers?.request)) {
    if (!HOP_BY_HOP_FIELDS.includes(name.toLowerCase())) continue;
    yield {
      key: `${key}headers.request.${place}.${name}`,
      message: "has no effect: it is a field of the connection, which the gateway writes itself",
      hint: ["upgrade", "connection"].includes(name.toLowerCase())
        ? "leave it out; proxy.websocket = true or proxy.upgrade_protocols lets upgrades through"
        : "leave it out",
      warning: true,
    };
  }
  for (const { place, name, values } of writtenFields(headers?.response)) {
    const variable = values.flatMap((value) => splitBraces(value) ?? [])
      .find((piece) => piece.variable);
    if (variable === undefined) continue;
    yield {
      key: `${key}headers.response.${place}.${name}`,
      message: `{${variable.text}} is sent as it stands: values of answers have no variables`,
      hint: "write the text itself, or let the upstream send the field",
      warning: true,
    };
  }
}

/** One field that the edits of a policy write. */
interface Written {
  /** `set`, `operations.add`. */
  readonly place: string;
  readonly name: string;
  readonly values: readonly string[];
}

function* writtenFields(
  edits: Pick<RequestHeadersConfig, "set" | "add" | "append" | "operations"> | undefined,
): Generator<Written> {
  const maps = {
    set: edits?.set,
    add: edits?.add,
    append: edits?.append,
    "operations.add": edits?.operations?.add,
  };
  for (const [place, map] of Object.entries(maps)) {
    for (const [name, value] of Object.entries(map ?? {})) {
      yield { place, name, values: typeof value === "string" ? [value] : value };
    }
  }
}

/** What no single table shows, but tables laid over each other do. */
function checkMerged(config: Config): Problem[] {
  const problems: Problem[] = [];
  const check = (scope: HeaderScope, key: string) => {
    const { cors, hstsWithoutAge } = responseSettings(scope);
    const report = (name: string, message: string, about: readonly string[], hint?: string) =>
      problems.push({
        key: `${key}headers.response.${name}`,
        message,
        hint,
        about: about.map((other) => `${key}headers.response.${other}`),
      });
    if (hstsWithoutAge) {
      const message = "must have max_age_secs above 0 when hsts is enabled";
      report("hsts", message, ["hsts.max_age_secs", "hsts.enabled"]);
    }
    if (cors === undefined) return;
    if (cors.origins.length === 0) {
      const message = "must have allow_origins when cors is enabled";
      report("cors", message, ["cors.allow_origins", "cors.enabled"]);
    }
    if (!cors.credentials) return;
    if (cors.origins.includes("*")) {
      const message = 'must not have allow_credentials together with the origin "*"';
      report("cors", message, ["cors.allow_credentials"]);
    }
    for (const [name, listed] of corsLists(cors)) {
      if (!listed.includes("*")) continue;
      report(
        `cors.${name}`,
        'must not list "*" together with allow_credentials: to a browser that sends credentials it is ' +
          "a name like any other",
        ["cors.allow_credentials"],
        "list the names",
      );
    }
  };
  if (config.headers !== undefined) check({ config, vhost: {}, route: undefined }, "");
  for (const scope of scopesOf(config)) {
    if (ownTables(scope).headers !== undefined) check(scope, `${scope.key}.`);
  }
  return problems;
}

/** The lists in which the Fetch standard gives `*` its meaning for requests without credentials only. */
function corsLists(cors: CorsSettings): readonly (readonly [string, readonly string[]])[] {
  return [
    ["allow_methods", cors.methods],
    ["allow_headers", cors.allowHeaders],
    ["expose_headers", cors.exposeHeaders],
  ];
}

/** Values that would always come out empty, because no module knows where clients are. */
function checkPlaces(config: Config): Problem[] {
  if (placesAreKnown(config)) return [];
  const problems: Problem[] = [];
  const check = (headers: HeadersConfig | undefined, key: string) => {
    const request = headers?.request;
    const maps = {
      set: request?.set,
      add: request?.add,
      "operations.add": request?.operations?.add,
    };
    for (const [spelling, map] of Object.entries(maps)) {
      for (const [name, value] of Object.entries(map ?? {})) {
        const [variable] = placeVariables(value);
        if (variable === undefined) continue;
        problems.push({
          key: `${key}headers.request.${spelling}.${name}`,
          message:
            `must not use ${variable} unless geoip.enabled is true: without it no client has a ` +
            "place",
          about: ["geoip.enabled"],
        });
      }
    }
  };
  check(config.headers, "");
  for (const scope of scopesOf(config)) check(ownTables(scope).headers, `${scope.key}.`);
  return problems;
}
