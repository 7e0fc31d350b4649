/** Rules of `php` tables that span keys (spec 07 sections 2 to 4). @module */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import { addressProblem, endpointsOf } from "./endpoint.ts";
import { EXTERNAL_KEYS, type FpmConfig, fpmSchema, MANAGED_KEYS } from "./fpm_schema.ts";
import type { PhpConfig } from "./schema.ts";

/** What a `php.fpm` table says that was left out: keys with these values ask for nothing. */
const DEFAULTS: FpmConfig = fpmSchema.parse({});

/** What is wrong with the `php` tables of `config` that are switched on. */
export function checkPhp(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const scope of scopesOf(config)) {
    const { php } = ownTables(scope);
    if (php?.enabled !== true) continue;
    problems.push(...checkTable(php, `${scope.key}.php`), ...checkFpm(php, `${scope.key}.php.fpm`));
    problems.push(
      ...sourceAsIndex(
        scope.vhost.web?.index_files ?? [],
        `${scope.key}`,
        scope.route === undefined,
      ),
    );
  }
  return problems;
}

function* checkTable(php: PhpConfig, key: string): Generator<Problem> {
  if (php.root === undefined) {
    yield problem(key, "root", "is required when php is enabled", ["enabled"]);
  }
  const { max_request_body_bytes: limit, request_body_spool_threshold_bytes: threshold } = php;
  if (limit !== undefined && threshold !== undefined && threshold >= limit) {
    yield problem(
      key,
      "request_body_spool_threshold_bytes",
      `must be below max_request_body_bytes, which is ${limit}`,
      ["max_request_body_bytes"],
    );
  }
  const hasDirectory = php.request_body_spool_dir !== undefined;
  if (hasDirectory !== (threshold !== undefined)) {
    const [there, missing] = hasDirectory
      ? ["request_body_spool_dir", "request_body_spool_threshold_bytes"]
      : ["request_body_spool_threshold_bytes", "request_body_spool_dir"];
    yield problem(key, there, `needs ${missing}`, [missing]);
  }
  for (const [i, { status }] of php.error_pages.entries()) {
    if (php.error_pages.findIndex((page) => page.status === status) === i) continue;
    yield problem(
      key,
      `error_pages[${i}].status`,
      `${status} has a page already; each status has at most one`,
    );
  }
  if (php.streaming && php.fpm.retry_statuses.length + Number(php.fpm.retry_invalid_response) > 0) {
    yield problem(
      key,
      "streaming",
      "must not stand beside fpm.retry_statuses or fpm.retry_invalid_response: an answer that has begun " +
        "cannot be taken back",
      ["fpm.retry_statuses", "fpm.retry_invalid_response"],
    );
  }
}

function* checkFpm(php: PhpConfig, key: string): Generator<Problem> {
  const { fpm } = php;
  yield* fpm.mode === "external" ? checkExternal(fpm, key) : checkManaged(php, key);
}

function* checkExternal(fpm: FpmConfig, key: string): Generator<Problem> {
  const given = EXTERNAL_KEYS.filter((name) => isSet(fpm, name));
  if (given.length === 0) {
    yield problem(key, "socket", "requires socket, tcp, or tcp_upstreams", [
      "mode",
      ...EXTERNAL_KEYS,
    ]);
  } else if (given.length > 1) {
    yield problem(
      key,
      given[1],
      `must not stand beside ${given[0]}: configure only one of ${EXTERNAL_KEYS.join(", ")}`,
      given,
    );
  }
  for (const name of MANAGED_KEYS) {
    if (!isSet(fpm, name)) continue;
    yield problem(key, name, 'is for a managed php-fpm: it requires mode = "managed"', ["mode"]);
  }
  for (const { endpoint, key: name } of endpointsOf(fpm)) {
    const wrong = addressProblem(endpoint, fpm.allow_private_tcp_upstreams);
    if (wrong !== undefined) yield problem(key, name, wrong, ["allow_private_tcp_upstreams"]);
  }
}

function* checkManaged({ fpm }: PhpConfig, key: string): Generator<Problem> {
  yield problem(
    key,
    "mode",
    '"managed" is not built yet: run php-fpm as a service of the system and name its socket',
  );
  for (const name of EXTERNAL_KEYS) {
    if (isSet(fpm, name)) {
      yield problem(key, name, "must not be set: a managed php-fpm has its own socket", ["mode"]);
    }
  }
}

/** Whether a key says something else than one that was left out. */
function isSet(fpm: FpmConfig, name: keyof FpmConfig): boolean {
  return JSON.stringify(fpm[name]) !== JSON.stringify(DEFAULTS[name]);
}

/** An index file that is a script is not sent, and answers only where PHP finds it first. */
function* sourceAsIndex(
  names: readonly string[],
  key: string,
  isVhost: boolean,
): Generator<Problem> {
  if (!isVhost) return;
  for (const [i, name] of names.entries()) {
    if (!/\.php$/i.test(name)) continue;
    yield {
      key: `${key}.web.index_files[${i}]`,
      message:
        `"${name}" is a script: it is executed by PHP where that is its index, and never sent as a file`,
      hint: "leave it out: php.index names the script that answers for a directory",
      warning: true,
    };
  }
}

function problem(
  table: string,
  name: string,
  message: string,
  about: readonly string[] = [],
): Problem {
  return { key: `${table}.${name}`, message, about: about.map((other) => `${table}.${other}`) };
}
