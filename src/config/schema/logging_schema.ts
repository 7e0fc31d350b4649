/**
 * The `[logging]` table (spec 06 section D1).
 *
 * @module
 */
import { z } from "zod";
import { ACCESS_FIELD_NAMES, type AccessFieldName } from "../../catalog/access_fields.ts";
import {
  byteSize,
  count,
  enumWord,
  filePath,
  headerName,
  list,
  syslogAddress,
  valueKinds,
} from "./values.ts";

/** Most rotated files that are kept. */
const MAX_FILES = 100;
/** Most statuses and classes with a rate of their own. */
const MAX_SAMPLES = 64;

const FIELDS: readonly string[] = ACCESS_FIELD_NAMES;
const [FIRST, ...OTHERS] = ACCESS_FIELD_NAMES;
const NAMES: [AccessFieldName, ...AccessFieldName[]] = [FIRST, ...OTHERS];

const file = z.strictObject({
  enabled: z.boolean().default(false).describe("Write to a file instead of `target`."),
  path: filePath().optional().describe("The log file. Required when enabled."),
  append: z.boolean().default(true).describe("Keep what is there; `false` truncates at start."),
  max_bytes: byteSize({ min: 64 * 1024 }).optional()
    .describe(
      "Size at which the file is put aside as `path.1`, and a new one begun. Unset: never. Ours.",
    ),
  max_files: count({ min: 1, max: MAX_FILES }).default(5)
    .describe("How many files that were put aside are kept; older ones are removed. Ours."),
});

const syslog = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Send records to a syslog server (RFC 5424) instead of `target`. Ours."),
  address: syslogAddress().default("unix:/run/systemd/journal/dev-log")
    .describe("`udp:` with address and port, or `unix:` and the path of a datagram socket."),
  facility: enumWord([
    "user",
    "daemon",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
  ]).default("daemon").describe("What the server sorts by."),
  app_name: appName().default("fluxheim").describe("Name of the program in each message."),
});

const access = z.strictObject({
  enabled: z.boolean().default(true).describe("Write one record a request."),
  format: enumWord(["record", "combined"]).default("record")
    .describe(
      "`record` is the object of every field, in the form of `logging.format`; `combined` the format of " +
        "the Apache HTTP Server, without the query. Ours.",
    ),
  fields: list(enumWord(NAMES), { min: 1, max: FIELDS.length, unique: "exact" }).optional()
    .describe("Fields of a record in this order. Unset: all but those that must be named. Ours."),
  rename: z.record(z.string(), fieldName()).default({})
    .describe('Other names of fields: `{ client_ip = "ip" }`. Ours.'),
  sample_per_mille: z.record(z.string(), count({ max: 1000 })).default({})
    .describe(
      'How many of a thousand records are written, by status or class: `{ "2xx" = 100, "404" = 0 }`. What is not ' +
        "named is written, and so is every request that failed. Ours.",
    ),
  include_host: z.boolean().default(true).describe("Fill `host`; off leaves it empty."),
  include_client_ip: z.boolean().default(true).describe("Fill `client_ip`."),
  include_cache_phase: z.boolean().default(true).describe("Fill `cache_phase`."),
  include_path: z.boolean().default(true).describe("Fill `path`, which never has the query."),
  include_route: z.boolean().default(true).describe("Fill `route`."),
  include_listener: z.boolean().default(false)
    .describe("Add `listener`, the entry of `[server]` that the connection came in by."),
  include_upstream: z.boolean().default(true).describe("Fill `upstream` and `upstream_alias`."),
  request_id: z.boolean().default(true)
    .describe("Take over or make a request id, forward it and log it."),
  request_id_header: headerName().default("x-request-id")
    .describe("Header field of the request id."),
}).superRefine(({ rename, sample_per_mille: sample, fields }, context) => {
  const refuse = (path: string[], message: string) => {
    context.addIssue({
      code: "custom",
      input: path.length === 1 ? undefined : path[1],
      path,
      message,
    });
  };
  const shown = [...new Set(fields ?? FIELDS)].map((name) => rename[name] ?? name);
  const twice = shown.find((name, index) => shown.indexOf(name) !== index);
  if (twice !== undefined) {
    refuse(["rename"], `gives two fields the name ${JSON.stringify(twice)}`);
  }
  for (const name of Object.keys(rename)) {
    if (!FIELDS.includes(name)) refuse(["rename", name], "is no field of the access record");
  }
  for (const name of Object.keys(sample)) {
    if (/^[1-5](?:xx|[0-9]{2})$/.test(name)) continue;
    refuse(["sample_per_mille", name], 'must be a status such as "404", or a class such as "2xx"');
  }
  if (Object.keys(sample).length > MAX_SAMPLES) {
    refuse(["sample_per_mille"], `must have at most ${MAX_SAMPLES} entries`);
  }
});

/** `[logging]`. */
export const loggingSchema = z.strictObject({
  level: enumWord(["trace", "debug", "info", "warn", "error", "off"]).default("info")
    .describe("Least severity that is written. Access records are `info`."),
  format: enumWord(["json", "text", "human"]).optional()
    .describe(
      "Form of a record. Unset: `human`, which is ours, where records go to a terminal, and else `json`.",
    ),
  target: enumWord(["stderr", "stdout"]).default("stderr").describe("Where records go."),
  file: file.prefault({}),
  syslog: syslog.prefault({}),
  access: access.prefault({}),
});

function appName() {
  return z.string().regex(/^[!-~]{1,48}$/, {
    error: "must be 1 to 48 visible ASCII characters",
  }).register(valueKinds, { type: "name", allowed: "1 to 48 visible ASCII characters" });
}

function fieldName() {
  return z.string().regex(/^[A-Za-z_@][\w.@-]{0,63}$/, {
    error: "must be 1 to 64 letters, digits or any of _ . @ -, and begin with a letter, _ or @",
  }).register(valueKinds, { type: "field name", allowed: "1 to 64 of A-Z a-z 0-9 _ . @ -" });
}
