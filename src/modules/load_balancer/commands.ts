/** The command of pools: its work is loaded when it runs. @module */
import type { ModuleCommand } from "../../gateway/command.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../admin/api/client.ts";

/** Options that change something, of which a command line has at most one kind. */
export const CHANGES = ["state", "weight", "add", "remove", "move-to", "clear-sessions"] as const;

const conflicts = (...kept: readonly string[]) => CHANGES.filter((name) => !kept.includes(name));

/** All commands. */
export const commands: readonly ModuleCommand[] = [{
  name: "members",
  summary: "list the members of pools in the running gateway, or change one of them",
  details: [
    "Without a change: lists every pool, or those that --vhost and --route name. The list comes",
    "from the ops socket where that is on; changes need the admin API and its token. Where the",
    "gateway has one pool, --vhost and --route may be left out.",
  ],
  options: [
    ...TARGET_OPTIONS,
    { name: "vhost", value: "NAME", help: "the pool of this vhost" },
    { name: "route", value: "NAME", help: "the pool of this route of the vhost" },
    { name: "member", value: "NAME", help: "member to change: its alias, or its address" },
    {
      name: "state",
      value: "STATE",
      choices: ["normal", "drain", "disable", "force-down", "resume"],
      conflicts: conflicts("state"),
      help: "normal, drain, disable, force-down, or resume, which forgets its failures as well",
    },
    {
      name: "weight",
      value: "WEIGHT",
      conflicts: conflicts("weight", "add", "move-to"),
      help: "1 to 1000, or default",
    },
    { name: "add", value: "ADDRESS", conflicts: conflicts("add", "weight"), help: "add a member" },
    { name: "remove", conflicts: conflicts("remove"), help: "remove the member" },
    {
      name: "move-to",
      value: "ADDRESS",
      conflicts: conflicts("move-to", "weight"),
      help: "give the member another address",
    },
    {
      name: "clear-sessions",
      conflicts: conflicts("clear-sessions"),
      help: "forget the sessions of the pool",
    },
    JSON_OPTION,
  ],
  takesConfig: true,
  run: async (call) => (await import("./cli/members.ts")).members(call),
}];
