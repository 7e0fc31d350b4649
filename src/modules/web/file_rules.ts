/**
 * What other modules say about which files may be sent: a source file of an application must not leave as
 * text, by whatever name it was reached.
 *
 * @module
 */
import { ExtensionPoint, type RouteScope } from "../../gateway/module.ts";

/** A rule for the files of one scope. */
export interface FileRule {
  /** The same for two rules that forbid the same files. */
  readonly key: string;
  /** Whether a file must not be sent. @param name Its path below the root, decoded, with a leading slash. */
  forbids(name: string): boolean;
}

/** Rules of other modules, by the scope that files are served in. Asked when a plan is compiled. */
export const FILE_RULES: ExtensionPoint<(scope: RouteScope) => FileRule | undefined> =
  new ExtensionPoint("web.file_rule");

/** All of `rules` in one; `undefined` where there is none. */
export function joinedRule(rules: readonly FileRule[]): FileRule | undefined {
  if (rules.length < 2) return rules[0];
  return {
    key: rules.map(({ key }) => key).join(" "),
    forbids: (name) => rules.some((rule) => rule.forbids(name)),
  };
}
