/** Calls that the balancer service takes of the admin API. @module */

/** Operations: the names of their calls, and of their endpoints below `load-balancer/`. */
export const OPERATION_CALLS = [
  ["member-state", "member-state"],
  ["member-weight", "member-weight"],
  ["member-add", "member-add"],
  ["member-remove", "member-remove"],
  ["member-update", "member-update"],
  ["persistence-clear", "persistence/clear"],
] as const;

/** All of them. */
export const BALANCER_CALLS: readonly string[] = [
  "status",
  ...OPERATION_CALLS.map(([name]) => name),
];
