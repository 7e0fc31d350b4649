/** How long requests take: percentiles of the last minute, by vhost. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const latency: Panel = {
  id: "latency",
  title: "Latency",
  place: 2,
  script: String.raw`
const REQUESTS = "fluxheim_request_duration_seconds";
const UPSTREAMS = "fluxheim_upstream_duration_seconds";
const SPAN_MS = 60000;
const SHOWN = 40;
const looks = [];

export async function update(root, { get, h, show, percentile, duration }) {
  const { status, body } = await get("live?metric=" + REQUESTS + "&metric=" + UPSTREAMS);
  if (status !== 200) return;
  const now = performance.now();
  const cells = new Map(body.counters.map((one) => [keyOf(one), one.cells]));
  looks.push({ now, cells });
  while (looks.length > 2 && now - looks[1].now > SPAN_MS) looks.shift();
  const before = looks[0];
  // Until the page has seen a minute, it shows what was measured before as well.
  const isWhole = now - before.now < SPAN_MS;
  const secs = isWhole ? body.process.uptime_secs : (now - before.now) / 1000;
  const since = (one) => {
    const old = before.cells.get(keyOf(one));
    return isWhole || old === undefined ? one.cells : one.cells.map((cell, i) => cell - old[i]);
  };
  const times = new Map();
  for (const one of body.counters) {
    const { vhost, route } = one.labels;
    const name = route === "" ? vhost : vhost + " " + route;
    const row = times.get(name) ?? { name, count: 0 };
    const counts = since(one);
    if (one.name === REQUESTS) {
      row.count = counts.slice(0, -1).reduce((all, cell) => all + cell, 0);
      row.own = [0.5, 0.9, 0.99].map((part) => percentile(counts, one.buckets, part));
    } else row.upstream = percentile(counts, one.buckets, 0.99);
    times.set(name, row);
  }
  const rows = [...times.values()].filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
  if (rows.length === 0) return show(root, h("p", {}, "No request has been measured" + (isWhole ? " yet." : " in the last minute.")));
  const heads = [["vhost and route"], ["per second", "number"], ["50 %", "number"], ["90 %", "number"],
    ["99 %", "number"], ["99 % of the upstream", "number"]];
  show(root, h("p", {}, isWhole ? "Since the gateway started:" : "In the last minute:"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Latency" },
    h("table", {},
      h("thead", {}, h("tr", {}, ...heads.map(([text, of]) => h("th", { scope: "col", class: of }, text)))),
      h("tbody", {}, ...rows.slice(0, SHOWN).map(({ name, count, own = [], upstream }) =>
        h("tr", { "data-key": name }, h("td", {}, h("code", {}, name)),
          h("td", { class: "number" }, (count / Math.max(secs, 1)).toFixed(1)),
          ...[0, 1, 2].map((i) => h("td", { class: "number" }, duration(own[i]))),
          h("td", { class: "number" }, duration(upstream))))))));
}

const keyOf = ({ name, labels }) => JSON.stringify([name, labels]);
`,
};
