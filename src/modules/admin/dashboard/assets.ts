/**
 * The page of the dashboard and everything it loads: fixed texts of this program, without any data of the
 * gateway. They need no token; every request that the page then makes does.
 *
 * @module
 */
import type { HttpExchange } from "../../../http/exchange.ts";
import { Fields } from "../../../http/fields.ts";
import { OWN_PATHS } from "../addresses.ts";
import { PAGE_SCRIPT } from "./page_script.ts";
import type { Panel } from "./panel.ts";
import { STYLE } from "./style.ts";

/** Where the page is. */
const PAGE_PATH = `${OWN_PATHS}ui`;

/** Nothing but what this program serves is loaded, run, asked or framed. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Browsers ask for one; without it they would ask the API for another, without a token. */
const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
  '<rect width="16" height="16" rx="3" fill="#0b5cad"/>' +
  '<path d="M3 5h7l-2-2M13 11H6l2 2" fill="none" stroke="#fff" stroke-width="1.6"/></svg>';

interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

/** The files of the dashboard, by path. */
export class Dashboard {
  readonly #assets: ReadonlyMap<string, Asset>;

  constructor(all: readonly Panel[]) {
    const panels = all.toSorted((one, other) => one.place - other.place);
    const encoder = new TextEncoder();
    const asset = (type: string, text: string): Asset => ({ type, body: encoder.encode(text) });
    const script = "text/javascript; charset=utf-8";
    this.#assets = new Map([
      [PAGE_PATH, asset("text/html; charset=utf-8", pageOf(panels))],
      [`${PAGE_PATH}/app.css`, asset("text/css; charset=utf-8", STYLE)],
      [`${PAGE_PATH}/icon.svg`, asset("image/svg+xml", ICON)],
      [`${PAGE_PATH}/app.js`, asset(script, PAGE_SCRIPT)],
      ...panels.map(({ id, script: text }): [string, Asset] => [
        `${PAGE_PATH}/panels/${id}.js`,
        asset(script, text),
      ]),
    ]);
  }

  /** Whether a path is one of them. */
  has(path: string): boolean {
    return this.#assets.has(path);
  }

  /** Answers a GET or HEAD of one of them. */
  answer(exchange: HttpExchange, path: string): void {
    const asset = this.#assets.get(path);
    if (asset === undefined) return;
    exchange.status = 200;
    exchange.response = Fields.of(
      ["content-type", asset.type],
      ["cache-control", "no-store"],
      ["content-security-policy", POLICY],
      ["x-content-type-options", "nosniff"],
      ["referrer-policy", "no-referrer"],
      ["cross-origin-opener-policy", "same-origin"],
      ["cross-origin-resource-policy", "same-origin"],
    );
    exchange.responseBody = asset.body;
  }
}

/** Whether a request is for the page itself, to which any link may lead. */
export function isPage(path: string): boolean {
  return path === PAGE_PATH;
}

function pageOf(panels: readonly Panel[]): string {
  const sections = panels.map(({ id, title }) =>
    `<section data-panel="${id}" aria-labelledby="${id}">` +
    `<h2 id="${id}">${escaped(title)}</h2><div></div></section>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fluxheim</title>
<link rel="icon" href="/_fluxheim/ui/icon.svg">
<link rel="stylesheet" href="/_fluxheim/ui/app.css">
<script type="module" src="/_fluxheim/ui/app.js"></script>
</head>
<body>
<header><h1>Fluxheim</h1><span id="state" role="status"></span>
<button type="button" id="leave" hidden>Log out</button></header>
<main>
<p id="said" role="status" aria-live="polite"></p>
<div id="login"><h2>Log in</h2>
<form id="form"><label for="token">Token of the admin API</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" required>
<p class="buttons"><button class="strong">Log in</button></p>
<p id="reason" class="bad" role="alert"></p></form>
<p>It stays in the memory of this page, and is gone when the page is.</p></div>
<div id="panels" hidden tabindex="-1">
${sections.join("\n")}
</div>
</main>
<noscript><p>This page needs JavaScript, all of it from this gateway.</p></noscript>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
