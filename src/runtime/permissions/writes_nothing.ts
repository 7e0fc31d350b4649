/** Builds that may write nothing. @module */
import type { Module } from "../../gateway/module.ts";

/** Whether a build with `modules` may write nothing at all, not even its process id. */
export function writesNothing(modules: readonly Module[]): boolean {
  return modules.some(({ name }) => name === "privacy-mode");
}
