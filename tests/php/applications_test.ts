/** Applications as Debian packages them reach their front page and log in (spec 07 section 25). */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { TempDir, testUnlessMissing } from "../testing/peer.ts";
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import { Browser, type Page } from "./browser.ts";
import { MariaDb, missingForDatabase } from "./database.ts";
import { run } from "./run.ts";
import { copyTree, giveToPhp, isDirectory } from "./trees.ts";

/** A gateway in front of php-fpm for one application, and a browser that looks at it. */
class Site implements AsyncDisposable {
  readonly browser: Browser;

  private constructor(
    readonly base: string,
    readonly fpm: PhpFpm,
    readonly gateway: TestGateway,
  ) {
    this.browser = new Browser(base);
  }

  /** @param php Lines of the `php` table. */
  static async start(root: string, php: string): Promise<Site> {
    await using made = new AsyncDisposableStack();
    const fpm = made.use(await PhpFpm.start({}));
    const gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "application"
hosts = ["127.0.0.1"]
[vhosts.php]
enabled = true
root = "${root}"
hide_response_headers = ["x-powered-by"]
${php}
[vhosts.php.fpm]
socket = "${fpm.socket}"
[vhosts.web]
root = "${root}"
`);
    made.move();
    return new Site(`http://127.0.0.1:${gateway.port}`, fpm, gateway);
  }

  /** What is at the end of the redirects of an answer. */
  async follow(page: Page): Promise<Page> {
    for (let left = 5; page.status >= 300 && page.status < 400 && left > 0; left--) {
      const to = new URL(page.headers.get("location") ?? "", this.base + page.path);
      assert.equal(to.origin, this.base, "an application is told where it is");
      page = await this.browser.get(to.href.slice(this.base.length));
    }
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.fpm[Symbol.asyncDispose]();
  }
}

function testApplication(
  tree: string,
  name: string,
  test: (root: string, dir: TempDir) => Promise<void>,
): void {
  const missing = [
    ...(PHP_FPM === undefined ? ["php-fpm"] : []),
    ...missingForDatabase(),
    ...(isDirectory(tree) ? [] : [tree]),
  ];
  testUnlessMissing(missing, name, async () => {
    await using dir = new TempDir();
    Deno.chmodSync(dir.path, 0o755);
    await copyTree(tree, `${dir.path}/www`);
    await test(`${dir.path}/www`, dir);
  });
}

/** The value of a hidden input of a form. */
function hidden({ text }: Page, name: string): string {
  const input = new RegExp(`<input[^>]*name="${name}"[^>]*>`).exec(text)?.[0];
  assert.ok(input !== undefined, `${name} in ${text.slice(0, 2000)}`);
  const value = /value="([^"]*)"/.exec(input)?.[1];
  assert.ok(value !== undefined, input);
  return value.replaceAll("&amp;", "&");
}

/** Where DokuWiki writes. What the package has is for its own user alone. */
const DATA = "attic cache index locks log media media_attic media_meta meta pages tmp".split(" ");

testApplication(
  "/usr/share/dokuwiki",
  "DokuWiki: a login, and a page that is written",
  async (root, dir) => {
    const conf = `${dir.path}/conf`;
    await copyTree("/etc/dokuwiki", conf);
    for (const name of DATA) Deno.mkdirSync(`${dir.path}/data/${name}`, { recursive: true });
    const preload = `${root}/inc/preload.php`;
    Deno.writeTextFileSync(
      preload,
      Deno.readTextFileSync(preload).replaceAll("/etc/dokuwiki/", `${conf}/`),
    );
    Deno.writeTextFileSync(
      `${conf}/local.php`,
      `<?php
$conf['title'] = 'Fluxheim wiki';
$conf['savedir'] = '${dir.path}/data';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['userewrite'] = 2;
`,
    );
    Deno.writeTextFileSync(`${conf}/acl.auth.php`, "*\t@ALL\t1\n*\t@user\t8\n");
    Deno.writeTextFileSync(
      `${conf}/users.auth.php`,
      `ann:${await passwordHash("correct horse")}:Ann:ann@example.test:admin,user\n`,
    );
    await giveToPhp(dir.path);
    await using site = await Site.start(root, 'try_files = "strict"\npath_info = "split"');
    const { browser } = site;

    const front = await site.follow(await browser.get("/"));
    assert.equal(front.status, 200);
    assert.match(front.text, /Fluxheim wiki/);
    assert.equal(front.headers.get("x-powered-by"), null);

    // Its pages have a path behind the script.
    const login = await browser.get("/doku.php/start?do=login");
    const loggedIn = await site.follow(
      await browser.post("/doku.php/start?do=login", {
        sectok: hidden(login, "sectok"),
        id: "start",
        do: "login",
        u: "ann",
        p: "correct horse",
      }),
    );
    assert.match(loggedIn.text, /Logged in as/);

    const edit = await browser.get("/doku.php/notes:first?do=edit");
    const saved = await site.follow(
      await browser.post("/doku.php/notes:first", {
        sectok: hidden(edit, "sectok"),
        id: "notes:first",
        rev: "0",
        date: hidden(edit, "date"),
        changecheck: hidden(edit, "changecheck"),
        target: "section",
        prefix: ".",
        suffix: "",
        wikitext: "====== First ======\nWritten through the gateway.",
        summary: "",
        "do[save]": "1",
      }),
    );
    assert.equal(saved.status, 200);
    assert.match((await browser.get("/doku.php/notes:first")).text, /Written through the gateway/);
    const style = /href="(\/lib\/exe\/css\.php[^"]*)"/.exec(front.text)?.[1].replaceAll(
      "&amp;",
      "&",
    );
    const css = await browser.get(style!);
    assert.deepEqual([css.status, css.headers.get("content-type")], [
      200,
      "text/css; charset=utf-8",
    ]);
  },
);

testApplication(
  "/usr/share/phpmyadmin",
  "phpMyAdmin: a login, and a database that is made",
  async (root, dir) => {
    await using db = await MariaDb.start();
    await db.create("shop");
    Deno.mkdirSync(`${dir.path}/tmp`);
    const vendor = `${root}/libraries/vendor_config.php`;
    const config = `${dir.path}/config.inc.php`;
    Deno.writeTextFileSync(
      vendor,
      Deno.readTextFileSync(vendor).replace("/etc/phpmyadmin/config.inc.php", config),
    );
    Deno.writeTextFileSync(
      config,
      `<?php
$cfg['blowfish_secret'] = '${"x".repeat(32)}';
$cfg['TempDir'] = '${dir.path}/tmp/';
$cfg['Servers'][1]['auth_type'] = 'cookie';
$cfg['Servers'][1]['host'] = 'localhost';
$cfg['Servers'][1]['socket'] = '${db.socket}';
`,
    );
    await giveToPhp(dir.path);
    await using site = await Site.start(
      root,
      'try_files = "strict"\ndeny_path_prefixes = ["/libraries/"]',
    );
    const { browser } = site;

    const login = await site.follow(await browser.get("/"));
    assert.equal(login.status, 200);
    assert.match(login.text, /Welcome to <bdo[^>]*>phpMyAdmin/);
    const home = await site.follow(
      await browser.post("/index.php?route=/", {
        set_session: hidden(login, "set_session"),
        token: hidden(login, "token"),
        pma_username: "shop",
        pma_password: "secret",
        server: "1",
      }),
    );
    assert.equal(home.status, 200);
    assert.match(home.text, /logged_in:true/);

    const made = await browser.post("/index.php?route=/sql", {
      token: hidden(home, "token"),
      db: "shop",
      sql_query: "CREATE TABLE things (name TEXT)",
      ajax_request: "1",
      server: "1",
    });
    assert.equal(JSON.parse(made.text).success, true, made.text.slice(0, 500));
    const script = await browser.get("/js/vendor/jquery/jquery.min.js");
    assert.deepEqual([script.status, script.headers.get("content-type")], [
      200,
      "text/javascript; charset=utf-8",
    ]);
    assert.equal((await browser.get("/libraries/vendor_config.php")).status, 403);
  },
);

testApplication(
  "/usr/share/mediawiki",
  "MediaWiki: an installation, a login, and a page that is written",
  async (root, dir) => {
    await using db = await MariaDb.start();
    await db.create("wiki");
    await using site = await Site.start(
      root,
      'path_info = "split"\ndeny_path_prefixes = ["/mw-config/", "/maintenance/"]',
    );
    Deno.mkdirSync(`${dir.path}/conf`);
    for (const name of ["images", "cache"]) Deno.mkdirSync(`${root}/${name}`, { recursive: true });
    await run(
      "php",
      `${root}/maintenance/install.php`,
      "--dbtype=mysql",
      `--dbserver=localhost:${db.socket}`,
      "--dbname=wiki",
      "--dbuser=wiki",
      "--dbpass=secret",
      `--server=${site.base}`,
      "--scriptpath=",
      `--confpath=${dir.path}/conf`,
      "--pass=correct horse battery",
      "Fluxheim",
      "Ann",
    );
    Deno.writeTextFileSync(
      `${root}/LocalSettings.php`,
      Deno.readTextFileSync(`${dir.path}/conf/LocalSettings.php`) +
        // Debian's place for it is another user's.
        `\n$wgCacheDirectory = "${root}/cache";\n$wgShowExceptionDetails = true;\n`,
    );
    await giveToPhp(root);
    const { browser } = site;

    const front = await site.follow(await browser.get("/"));
    assert.equal(front.status, 200, front.text.slice(0, 500));
    assert.match(front.text, /MediaWiki has been installed/);

    const login = await browser.get("/index.php/Special:UserLogin");
    const loggedIn = await site.follow(
      await browser.post("/index.php?title=Special:UserLogin", {
        wpName: "Ann",
        wpPassword: "correct horse battery",
        wploginattempt: "Log in",
        wpEditToken: "+\\",
        title: "Special:UserLogin",
        authAction: "login",
        force: "",
        wpLoginToken: hidden(login, "wpLoginToken"),
      }),
    );
    assert.match(loggedIn.text, /"wgUserName":"Ann"/);

    const { text } = await browser.get("/api.php?action=query&meta=tokens&format=json");
    const saved = await browser.post("/api.php?format=json", {
      action: "edit",
      title: "First page",
      text: "Written through the gateway.",
      token: JSON.parse(text).query.tokens.csrftoken,
    });
    assert.equal(JSON.parse(saved.text).edit?.result, "Success", saved.text);
    // Its pages have a path behind the script.
    assert.match((await browser.get("/index.php/First_page")).text, /Written through the gateway/);
    assert.equal((await browser.get("/maintenance/install.php")).status, 403);
  },
);

testApplication(
  "/usr/share/adminer",
  "Adminer: a login, and the tables of a database",
  async (root, dir) => {
    await using db = await MariaDb.start();
    await db.create("shop");
    await giveToPhp(dir.path);
    await using site = await Site.start(root, 'try_files = "strict"');
    const { browser } = site;
    const login = await site.follow(await browser.get("/adminer/index.php"));
    assert.equal(login.status, 200);
    assert.match(login.text, /name=["']auth\[username\]/);
    const inside = await site.follow(
      await browser.post("/adminer/index.php", {
        "auth[driver]": "server",
        "auth[server]": `localhost:${db.socket}`,
        "auth[username]": "shop",
        "auth[password]": "secret",
        "auth[db]": "shop",
      }),
    );
    assert.equal(inside.status, 200, inside.text.slice(0, 500));
    assert.match(inside.text, /No tables/);
  },
);

async function passwordHash(password: string): Promise<string> {
  const { stdout } = await new Deno.Command("php", {
    args: ["-r", `echo password_hash($argv[1], PASSWORD_BCRYPT);`, password],
  }).output();
  return new TextDecoder().decode(stdout);
}
