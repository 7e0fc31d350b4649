/** What commands of other modules ask a running gateway with. @module */
export type { Answer } from "../cli/client.ts";
export { asked, printable, type Question } from "../cli/asked.ts";
export { JSON_OPTION, TARGET_OPTIONS } from "../cli/target.ts";
export { isTable } from "./plain.ts";
