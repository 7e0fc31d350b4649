/** What limits and rules have refused. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const refusals: Panel = {
  id: "refusals",
  title: "Limits and refusals",
  place: 2,
  script: String.raw`
const METRICS = {
  fluxheim_edge_policy_events_total: ({ policy, outcome }) => policy + ": " + outcome,
  fluxheim_requests_rejected_total: ({ cause }) => "refused: " + cause,
  fluxheim_host_routing_rejections_total: ({ reason }) => "host: " + reason,
  fluxheim_connections_rejected_total: ({ reason }) => "connection: " + reason,
  fluxheim_admin_auth_events_total: ({ event, scope }) => "admin API: " + event + ", " + scope,
};
const QUIET = ["allow", "success", "skipped"];
const SHOWN = 40;
const memory = { before: new Map(), at: 0 };

export async function update(root, { get, h, show }) {
  const asked = Object.keys(METRICS).map((name) => "metric=" + name).join("&");
  const { status, body } = await get("live?" + asked);
  if (status !== 200) return;
  const now = performance.now();
  const secs = (now - memory.at) / 1000;
  const rows = body.counters
    .filter(({ labels, value }) => value > 0 && !QUIET.includes(labels.outcome))
    .map(({ name, labels, value }) => {
      const where = [labels.vhost, labels.route, labels.listener].filter((text) => text).join(" ");
      const what = METRICS[name](labels);
      const key = what + "\n" + where;
      const rate = memory.at === 0 ? 0 : Math.max(0, value - (memory.before.get(key) ?? 0)) / secs;
      memory.before.set(key, value);
      return { key, what, where, value, rate };
    })
    .sort((a, b) => b.rate - a.rate || b.value - a.value);
  memory.at = now;
  if (rows.length === 0) return show(root, h("p", {}, "Nothing has been refused."));
  show(root, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Limits and refusals" },
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "what"), h("th", { scope: "col" }, "where"),
        h("th", { scope: "col", class: "number" }, "per second"),
        h("th", { scope: "col", class: "number" }, "total"))),
      h("tbody", {}, ...rows.slice(0, SHOWN).map(({ key, what, where, value, rate }) =>
        h("tr", { "data-key": key }, h("td", {}, what), h("td", {}, h("code", {}, where)),
          h("td", { class: "number" }, rate.toFixed(1)),
          h("td", { class: "number" }, value.toLocaleString())))))));
}
`,
};
