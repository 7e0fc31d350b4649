/** What caches hold, how often they are of use, and purges. @module */
import type { Panel } from "../../admin/control.ts";

/** The panel. */
export const panel: Panel = {
  id: "cache",
  title: "Cache",
  place: 3,
  script: String.raw`
const SHOWN = 50;

export async function update(root, api) {
  const { h, show } = api;
  const { status, body } = await api.get("cache/status");
  if (status !== 200) return show(root, h("p", { class: "bad" }, body.error));
  const { totals, vhosts, truncated } = body;
  const scopes = vhosts.flatMap((vhost) => [
    { ...vhost, vhost: vhost.name, route: "" },
    ...vhost.routes.map((route) => ({ ...route, vhost: vhost.name, route: route.name })),
  ]).filter(({ enabled }) => enabled);
  if (scopes.length === 0) return show(root, h("p", {}, "No cache is configured."));
  const { activity } = totals;
  const facts = [
    ["hit ratio", percent(activity.hit_ratio_per_mille) + " of " + activity.requests.toLocaleString() + " look-ups"],
    ["memory", filled(totals, "memory", "weighted_size_bytes")],
    ...(totals.disk_tiers === 0 ? [] : [["disk", filled(totals, "disk", "size_bytes")]]),
    ["evicted, purged", activity.evictions.toLocaleString() + ", " + activity.purges.toLocaleString()],
  ];
  const heads = [["cache"], ["objects", "number"], ["hit ratio", "number"], ["on disk", "number"], [""]];
  show(root,
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Caches" },
      h("table", {},
        h("thead", {}, h("tr", {}, ...heads.map(([text, of]) => h("th", { scope: "col", class: of }, text)))),
        h("tbody", {}, ...scopes.slice(0, SHOWN).map((scope) => row(scope, api))))),
    truncated || scopes.length > SHOWN
      ? h("p", {}, "There are more caches: fluxheim cache status --vhost NAME shows them.") : undefined);
}

const percent = (perMille) => (perMille / 10).toFixed(1) + " %";
const mib = (bytes) => (bytes / 1048576).toFixed(1) + " MiB";
const filled = (totals, tier, size) => totals[tier + "_entries"].toLocaleString() + " objects, " +
  mib(totals[tier + "_" + size]) + " of " + mib(totals[tier + "_max_size_bytes"]);

function row({ vhost, route, memory, disk }, api) {
  const { h } = api;
  const name = route === "" ? vhost : vhost + " " + route;
  const number = (value) => h("td", { class: "number" }, value);
  return h("tr", { "data-key": name },
    h("td", {}, h("code", {}, name)),
    number(memory === null ? "" : memory.entries.toLocaleString()),
    number(memory === null ? "" : percent(memory.activity.hit_ratio_per_mille)),
    number(disk === null ? "" : disk.entries.toLocaleString()),
    h("td", {}, h("span", { class: "buttons tight" },
      h("button", { type: "button", "aria-label": "Purge a path of " + name,
        onclick: () => purgePath(vhost, route, api) }, "Purge path"),
      h("button", { type: "button", "aria-label": "Purge all of " + name,
        onclick: () => purgeAll(vhost, route, api) }, "Purge all"))));
}

const scoped = (vhost, route) => ({ "X-Fluxheim-Cache-Vhost": vhost,
  ...(route === "" ? {} : { "X-Fluxheim-Cache-Route": route }) });

async function purgePath(vhost, route, api) {
  const { h } = api;
  const host = h("input", { id: "purge-host", autocomplete: "off", spellcheck: "false" });
  const path = h("input", { id: "purge-path", autocomplete: "off", spellcheck: "false", value: "/" });
  const asked = h("div", {}, h("label", { for: "purge-host" }, "Host"), host,
    h("label", { for: "purge-path" }, "Path"), path);
  if (!await api.confirmed("Purge a path of " + vhost, asked)) return;
  const { body } = await api.post("cache/purge", { ...scoped(vhost, route),
    "X-Fluxheim-Cache-Host": host.value.trim(), "X-Fluxheim-Cache-Path": path.value.trim() });
  if (body.status !== "ok") api.say("Purge: " + body.error, "bad");
  else api.say(body.purged ? body.path + " is purged." : body.path + " was not stored.");
  api.refresh();
}

async function purgeAll(vhost, route, api) {
  const name = route === "" ? vhost : vhost + " " + route;
  if (!await api.confirmed("Purge all of " + name, api.h("p", {}, "Upstreams are asked for everything anew."))) return;
  const { body } = await api.post("cache/purge-index", { ...scoped(vhost, route),
    "X-Fluxheim-Cache-Limit": "10000", "X-Fluxheim-Cache-Batches": "64" });
  if (body.status !== "ok") api.say("Purge: " + body.error, "bad");
  else api.say(body.purged + " of " + body.matched + " objects are purged" +
    (body.repeat_required ? ", and more are left." : "."));
  api.refresh();
}
`,
};
