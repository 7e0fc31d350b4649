/** PHP: how requests end, how long php-fpm takes, and the connections to it. @module */
import type { Panel } from "../../admin/control.ts";

/** The panel. */
export const pools: Panel = {
  id: "php",
  title: "PHP",
  place: 3,
  script: String.raw`
const REQUESTS = "fluxheim_php_requests_total";
const DURATION = "fluxheim_php_request_duration_seconds";
const IDLE = "fluxheim_php_fpm_pool_idle_connections";
const EVENTS = "fluxheim_php_fpm_pool_events_total";
const RETRIES = "fluxheim_php_fpm_retries_total";
const memory = { before: new Map(), at: 0 };

export async function update(root, { get, h, show, percentile, duration }) {
  const asked = [REQUESTS, DURATION, IDLE, EVENTS, RETRIES].map((name) => "metric=" + name).join("&");
  const { status, body } = await get("live?" + asked);
  if (status !== 200) return;
  const of = (name) => body.counters.filter((one) => one.name === name);
  if (of(REQUESTS).length === 0 && of(EVENTS).length === 0) {
    return show(root, h("p", {}, "PHP has not been asked for anything yet."));
  }
  const now = performance.now();
  const secs = (now - memory.at) / 1000;
  const vhosts = new Map();
  const row = (name) => {
    if (!vhosts.has(name)) vhosts.set(name, { name, total: 0, failed: 0, retries: 0, cells: undefined });
    return vhosts.get(name);
  };
  for (const { labels, value } of of(REQUESTS)) {
    const found = row(labels.vhost);
    if (labels.outcome !== "declined") found.total += value;
    if (labels.status_class === "5xx") found.failed += value;
  }
  for (const { labels, value } of of(RETRIES)) row(labels.vhost).retries += value;
  for (const { labels, cells, buckets } of of(DURATION)) {
    const found = row(labels.vhost);
    found.buckets = buckets;
    found.cells = found.cells === undefined ? cells : cells.map((cell, i) => cell + found.cells[i]);
  }
  const rates = [...vhosts.values()].map((one) => {
    const rate = memory.at === 0 ? 0 : Math.max(0, one.total - (memory.before.get(one.name) ?? 0)) / secs;
    memory.before.set(one.name, one.total);
    return { ...one, rate };
  });
  memory.at = now;
  const number = (value) => h("td", { class: "number" }, String(value));
  const part = (one, share) => one.cells === undefined ? "" : duration(percentile(one.cells, one.buckets, share));
  const idle = new Map(of(IDLE).map(({ labels, value }) => [labels.vhost + " " + labels.pool, value]));
  const connections = new Map();
  for (const { labels, value } of of(EVENTS)) {
    const name = labels.vhost + " " + labels.pool;
    connections.set(name, { ...connections.get(name), [labels.event]: value });
  }
  show(root,
    table(h, "Requests to PHP", ["vhost", "per second", "total", "5xx", "retries", "50 %", "99 %"],
      rates.map((one) => h("tr", { "data-key": one.name }, h("td", {}, h("code", {}, one.name)),
        number(one.rate.toFixed(1)), number(one.total), number(one.failed), number(one.retries),
        number(part(one, 0.5)), number(part(one, 0.99))))),
    table(h, "Connections to PHP", ["pool", "idle", "opened", "reused", "dropped"],
      [...connections].map(([name, one]) => h("tr", { "data-key": name }, h("td", {}, h("code", {}, name)),
        number(idle.get(name) ?? 0), number(one.connect ?? 0), number(one.reuse ?? 0),
        number((one.drop_stale ?? 0) + (one.discard_full ?? 0))))));
}

function table(h, name, heads, rows) {
  return h("div", { "data-key": name, class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    h("table", {},
      h("thead", {}, h("tr", {}, ...heads.map((text, i) =>
        h("th", { scope: "col", class: i === 0 ? undefined : "number" }, text)))),
      h("tbody", {}, ...rows)));
}
`,
};
