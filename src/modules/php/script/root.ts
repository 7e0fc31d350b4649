/** The root of an application: where scripts are looked for, and where php-fpm sees them. @module */
import { Links, type Looker } from "../../web/edge.ts";

/** Settings of a `php` table that say where its files are. */
export interface RootSettings {
  readonly root: string;
  readonly resolve_root_symlink: boolean;
  readonly fpm_root?: string | undefined;
}

/**
 * Looks at paths below a root. The root may be a symbolic link where that is configured; below it no link is
 * followed. A link that leads elsewhere than before is resolved anew, so that the script that was looked at
 * is the one that php-fpm gets.
 */
export class ScriptRoot implements Looker {
  /** As configured; paths that are looked at begin with it. */
  readonly path: string;
  readonly followed = 0;
  readonly #links: Links;
  readonly #isLink: boolean;
  readonly #fpmRoot: string | undefined;
  #resolved:
    | { readonly dev: number; readonly ino: number | null; readonly path: string }
    | undefined;

  constructor(settings: RootSettings, onRefusedLink: () => void) {
    this.path = settings.root;
    this.#isLink = settings.resolve_root_symlink;
    this.#fpmRoot = settings.fpm_root;
    this.#links = new Links("refuse", settings.root, onRefusedLink);
  }

  /** The root as php-fpm sees it. */
  get fpmRoot(): string {
    return this.#fpmRoot ?? this.#realRoot();
  }

  look(path: string): Deno.FileInfo | undefined {
    if (!this.#isLink || path !== this.path) return this.#links.look(path);
    try {
      return Deno.statSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  #realRoot(): string {
    if (!this.#isLink) return this.path;
    const { dev, ino } = Deno.statSync(this.path);
    const known = this.#resolved;
    if (known !== undefined && known.dev === dev && known.ino === ino) return known.path;
    const path = Deno.realPathSync(this.path);
    this.#resolved = { dev, ino, path };
    return path;
  }
}
