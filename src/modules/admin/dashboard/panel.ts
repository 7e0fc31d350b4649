/**
 * Panels of the dashboard. A module brings those of what it owns: it names them in the `extends` of its part in
 * the control service.
 *
 * @module
 */
import { ExtensionPoint } from "../../../gateway/extension.ts";

/** One part of the page. */
export interface Panel {
  /** Unique in a build; lower-case letters and hyphens. */
  readonly id: string;
  /** Its heading. */
  readonly title: string;
  /** Where it is on the page, from the top: 1 the gateway, 2 its traffic, 3 what a module owns, 4 the rest. */
  readonly place: 1 | 2 | 3 | 4;
  /**
   * Text of a JavaScript module that exports `update(root, api)`: called with the panel's element again and again,
   * it shows what it has asked for by `api.get` and `api.post`. Elements are made by `api.h`, which takes text and
   * never markup, and put in by `api.show`, which leaves the focus where it is; see `page_script.ts`.
   */
  readonly script: string;
}

/** The panels of a build. */
export const PANELS: ExtensionPoint<Panel> = new ExtensionPoint("admin.panel");
