/** WordPress as Debian packages it. @module */
import assert from "node:assert/strict";
import type { TempDir } from "../testing/peer.ts";
import type { Browser } from "./browser.ts";
import { type MariaDb, missingForDatabase } from "./database.ts";
import { copyTree, giveToPhp, isDirectory } from "./trees.ts";

/** Programs and trees without which there is no WordPress here. */
export function missingForWordPress(): string[] {
  const isThere = isDirectory(TREE) && isDirectory(THEME);
  return isThere ? missingForDatabase() : [...missingForDatabase(), "wordpress"];
}

const TREE = "/usr/share/wordpress";
/** Without the theme that it begins with, it shows nothing but an error. */
const THEME = `${TREE}/wp-content/themes/twentytwentythree`;

/** A fresh tree of WordPress in `www` below `dir`. */
export async function installTree(dir: TempDir): Promise<void> {
  Deno.chmodSync(dir.path, 0o755);
  const root = `${dir.path}/www`;
  await copyTree(TREE, root);
  Deno.removeSync(`${root}/wp-config.php`);
  Deno.mkdirSync(`${root}/wp-content/uploads`, { recursive: true });
  // Of a server whose name it does not know WordPress believes that it cannot have paths of its own.
  Deno.mkdirSync(`${root}/wp-content/mu-plugins`, { recursive: true });
  Deno.writeTextFileSync(
    `${root}/wp-content/mu-plugins/permalinks.php`,
    "<?php add_filter('got_url_rewrite', '__return_true');",
  );
  await giveToPhp(root);
}

/**
 * Tells the tree in `dir` its address and its database.
 *
 * @param more PHP that comes before everything else.
 */
export function configure(
  dir: TempDir,
  base: string,
  database: string,
  db: MariaDb,
  more = "",
): void {
  const keys = ["AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY"]
    .flatMap((key) => [key, key.replace("KEY", "SALT")])
    .map((key) => `define('${key}', '${crypto.randomUUID()}');`);
  Deno.writeTextFileSync(
    `${dir.path}/www/wp-config.php`,
    `<?php
${more}
define('DB_NAME', '${database}');
define('DB_USER', '${database}');
define('DB_PASSWORD', 'secret');
define('DB_HOST', 'localhost:${db.socket}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
${keys.join("\n")}
define('WP_HOME', '${base}');
define('WP_SITEURL', '${base}');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
define('WP_AUTO_UPDATE_CORE', false);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`,
  );
}

/** Goes through the installer. */
export async function install(browser: Browser): Promise<void> {
  const welcome = await browser.get("/wp-admin/install.php");
  assert.equal(welcome.status, 200, welcome.text.slice(0, 500));
  assert.match(welcome.text, /Welcome/);
  const installed = await browser.post("/wp-admin/install.php?step=2", {
    weblog_title: "Fluxheim",
    user_name: "admin",
    admin_password: "correct horse",
    admin_password2: "correct horse",
    pw_weak: "on",
    admin_email: "admin@example.test",
    blog_public: "0",
    Submit: "Install WordPress",
    language: "",
  });
  assert.match(installed.text, /Success!/);
}

/** Logs in as the administrator; what the answer has its client keep. */
export async function logIn(browser: Browser): Promise<string[]> {
  const { base } = browser;
  const login = await browser.get("/wp-login.php");
  assert.match(login.text, /name="testcookie"/);
  assert.ok(login.text.includes(`name="redirect_to" value="${base}/wp-admin/"`));
  const loggedIn = await browser.post("/wp-login.php", {
    log: "admin",
    pwd: "correct horse",
    "wp-submit": "Log In",
    redirect_to: `${base}/wp-admin/`,
    testcookie: "1",
  });
  assert.equal(loggedIn.status, 302);
  assert.ok(loggedIn.headers.get("location")?.startsWith(`${base}/wp-admin/`));
  assert.ok([...browser.cookies.keys()].some((name) => name.startsWith("wordpress_logged_in_")));
  return loggedIn.headers.getSetCookie();
}
