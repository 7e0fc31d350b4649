/** The commands of the cache: what they are called and take. Their work is loaded when they run. @module */
import { JSON_OPTION, TARGET_OPTIONS } from "../../admin/api/client.ts";
import { EXPECTATIONS } from "../lookup/expectations.ts";
import { OBJECT_OPTIONS } from "../lookup/expected_objects.ts";
import type { CommandOption, ModuleCommand } from "../../../gateway/command.ts";

const REQUEST: readonly CommandOption[] = [
  {
    name: "host",
    value: "HOST",
    help: "Host of the request; the first one configured unless given.",
  },
  { name: "header", value: "LINE", repeat: true, help: 'Header of the request, as "Name: value".' },
  { name: "method", value: "METHOD", help: "Method of the request; GET unless given." },
  { name: "path", value: "PATH", help: "Path of the request, perhaps with a query. Required." },
  { name: "query", value: "QUERY", help: "Query of the request." },
  {
    name: "scheme",
    value: "SCHEME",
    choices: ["http", "https"],
    help: "Scheme; http unless given.",
  },
  { name: "port", value: "PORT", help: "Port; that of the scheme unless given." },
];

const EXPECTED: readonly CommandOption[] = [
  ...Object.entries(EXPECTATIONS).map(([name, line]) => ({
    name,
    value: "VALUE",
    help: `Fail unless ${line} is this.`,
  })),
  { name: "expect-ineligible", help: "Fail unless the request is not cached." },
];

/** All commands. */
export const commands: readonly ModuleCommand[] = [
  {
    name: "cache",
    summary: "show what the caches of the running gateway hold, or purge some of it",
    details: [
      "ACTION is status or purge. A purge is of one or more --path of a --host, or of what one of",
      "--prefix, --tag, --pattern, --all and --stale selects in the cache of --vhost, or of its",
      "--route. It has happened in every worker, and on disk, when the command ends.",
    ],
    operand: "ACTION",
    options: [
      ...TARGET_OPTIONS,
      { name: "vhost", value: "NAME", help: "the cache of this vhost" },
      { name: "route", value: "NAME", help: "the cache of this route of the vhost" },
      { name: "host", value: "HOST", help: "host of the paths" },
      { name: "path", value: "PATH", repeat: true, help: "purge this path, all its variants" },
      { name: "method", value: "METHOD", help: "method of the paths; GET unless given" },
      { name: "query", value: "QUERY", help: "query of the paths" },
      { name: "scheme", value: "SCHEME", choices: ["http", "https"], help: "one scheme alone" },
      { name: "port", value: "PORT", help: "one port alone" },
      { name: "prefix", value: "PATH", help: "purge paths that begin so" },
      { name: "tag", value: "TAG", help: "purge objects with this tag" },
      { name: "pattern", value: "PATTERN", help: "purge paths that match, where * is anything" },
      { name: "all", help: "purge everything" },
      { name: "stale", help: "purge what is no longer fresh" },
      { name: "soft", help: "end freshness and keep the objects" },
      { name: "dry-run", help: "with --stale: count and purge nothing" },
      { name: "limit", value: "COUNT", help: "objects a batch, 1 to 10000; 1024 unless given" },
      { name: "batches", value: "COUNT", help: "most batches, 1 to 64; 1 unless given" },
      JSON_OPTION,
    ],
    takesConfig: true,
    run: async (call) => (await import("./operate.ts")).operateCache(call),
  },
  {
    name: "cache-key",
    summary: "show which cache a request comes to, and under which key",
    details: ["No upstream is asked. The expectations make it a test of a configuration."],
    options: [
      ...REQUEST,
      ...EXPECTED,
      { name: "expect-eligible", help: "Fail unless the request may be cached." },
    ],
    takesConfig: true,
    run: async (call) => (await import("./show_key.ts")).showKey(call, "cache key preview:"),
  },
  {
    name: "cache-lookup",
    summary: "show the stored objects of a request that a process without the gateway can see",
    details: [
      "Objects on disk are read, and nothing is changed. Those in memory belong to the",
      "running gateway and cannot be seen from here.",
    ],
    options: [
      ...REQUEST,
      ...EXPECTED,
      { name: "require-object", help: "Fail unless an object is found." },
      { name: "expect-objects", value: "COUNT", help: "Fail unless so many are found." },
      ...OBJECT_OPTIONS,
    ],
    takesConfig: true,
    run: async (call) => (await import("./show_key.ts")).showObjects(call),
  },
  {
    name: "cache-warm",
    summary: "ask a running gateway for paths, so that they are stored",
    details: ["Plain GET requests through a cleartext listener: every rule of the cache applies."],
    options: [
      {
        name: "listen",
        value: "ADDRESS",
        help: "Listener to ask; the first of server.listen unless given.",
      },
      {
        name: "host",
        value: "HOST",
        help: "Host to ask for; the first one configured unless given.",
      },
      { name: "header", value: "LINE", repeat: true, help: 'Header to send, as "Name: value".' },
      { name: "path", value: "PATH", repeat: true, help: "Path to ask for." },
      { name: "input", value: "FILE", help: "File with paths, or hosts and paths, one on a line." },
      {
        name: "timeout-secs",
        value: "SECS",
        help: "Longest time for one request; 10 unless given.",
      },
      {
        name: "max-targets",
        value: "COUNT",
        help: "Most paths, from 1 to 4096; 256 unless given.",
      },
      {
        name: "repeat",
        value: "COUNT",
        help: "Requests for each path, from 1 to 16; 1 unless given.",
      },
      { name: "fail-fast", help: "Stop at the first failure." },
      { name: "dry-run", help: "Show what would be asked for." },
      {
        name: "allow-status",
        value: "STATUS",
        repeat: true,
        help: "Status that counts as success beside 2xx and 3xx.",
      },
      {
        name: "cache-status-header",
        value: "NAME",
        help: "Header with the status; x-cache-status unless given.",
      },
      {
        name: "expect-cache-status",
        value: "STATUS",
        repeat: true,
        conflicts: ["expect-cache-status-sequence"],
        help: "Fail unless the cache's status is one of these.",
      },
      {
        name: "expect-cache-status-sequence",
        value: "LIST",
        help: "Statuses of the repeated requests in turn, such as MISS,HIT.",
      },
    ],
    takesConfig: true,
    run: async (call) => (await import("./warm.ts")).warm(call),
  },
];
