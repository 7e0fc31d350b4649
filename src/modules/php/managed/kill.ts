/** The program that signals a process group, which the runtime itself cannot. @module */

/** Its path. */
export const KILL = "/bin/kill";
