/**
 * Presets of a cache table: entries that an application's own paths and cookies ask for (spec 04 section 2.10).
 *
 * @module
 */

/** The keys of a cache table that a preset may add to. */
export interface PresetKeys {
  readonly preset: "none" | "wordpress";
  readonly bypass_path_prefixes: readonly string[];
  readonly bypass_path_exact: readonly string[];
  readonly bypass_query: boolean;
  readonly bypass_query_params: readonly string[];
  readonly bypass_cookie_name_prefixes: readonly string[];
  readonly bypass_request_headers: readonly string[];
}

const WORDPRESS: Omit<PresetKeys, "preset"> = {
  bypass_path_prefixes: ["/wp-admin/", "/feed/"],
  bypass_path_exact: [
    "/index.php",
    "/sitemap.xml",
    "/sitemap_index.xml",
    "/wp-app.php",
    "/wp-comments-popup.php",
    "/wp-comments-post.php",
    "/wp-cron.php",
    "/wp-links-opml.php",
    "/wp-locations.php",
    "/wp-login.php",
    "/wp-mail.php",
    "/wp-register.php",
    "/xmlrpc.php",
  ],
  bypass_query: true,
  bypass_query_params: ["preview"],
  bypass_cookie_name_prefixes: [
    "comment_author_",
    "wordpress_",
    "wordpress_logged_in_",
    "wordpress_no_cache",
    "wordpress_sec_",
    "wp-postpass_",
  ],
  bypass_request_headers: ["authorization"],
};

/** `table` with the entries of its preset: nothing explicit is removed, entries that are there already collapse. */
export function withPreset<T extends PresetKeys>(table: T): T {
  if (table.preset === "none") return table;
  const { bypass_query, ...lists } = WORDPRESS;
  const added: Partial<Record<keyof typeof lists, readonly string[]>> = {};
  for (const [key, entries] of Object.entries(lists) as [keyof typeof lists, string[]][]) {
    added[key] = [...new Set([...table[key], ...entries])];
  }
  return { ...table, ...added, bypass_query: table.bypass_query || bypass_query };
}
