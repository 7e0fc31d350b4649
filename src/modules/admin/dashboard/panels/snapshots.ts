/** Stored configurations: reload and rollback, each after a look at what will change. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const snapshots: Panel = {
  id: "snapshots",
  title: "Configuration and snapshots",
  place: 4,
  script: String.raw`
const SHOWN = 50;
const memory = { shown: "" };

export async function update(root, api) {
  const { status, body } = await api.get("snapshots");
  if (status !== 200) return root.replaceChildren(api.h("p", { class: "bad" }, body.error));
  const next = JSON.stringify(body.snapshots);
  if (next === memory.shown && root.childNodes.length > 0) return;
  memory.shown = next;
  root.replaceChildren(...content(body.snapshots.toReversed(), api));
}

function content(entries, api) {
  const { h } = api;
  const row = ({ id, current, created_unix_secs, message, problem }) => h("tr", {},
    h("td", {}, h("code", {}, id), current ? " (current)" : ""),
    h("td", {}, created_unix_secs === 0 ? "unknown" : new Date(created_unix_secs * 1000).toLocaleString()),
    h("td", {}, problem ?? message ?? ""),
    h("td", {}, h("button", { type: "button", "aria-label": "Roll back to " + id,
      onclick: () => rollBack(id, api) }, "Roll back")));
  return [
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "strong", onclick: () => reload(api) }, "Reload configuration"),
      h("button", { type: "button", onclick: () => store(api) }, "Store a snapshot")),
    entries.length === 0 ? h("p", {}, "No snapshot has been stored yet.")
      : h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Snapshots" },
        h("table", {},
          h("thead", {}, h("tr", {}, ...["snapshot", "stored", "message", ""].map((name) =>
            h("th", { scope: "col" }, name)))),
          h("tbody", {}, ...entries.slice(0, SHOWN).map(row)))),
  ];
}

/** What a change would change, as a part of a question; undefined where it cannot be made. */
async function preview(to, { get, h, say }) {
  const { status, body } = await get("changes" + (to === undefined ? "" : "?to=" + to));
  if (status !== 200) {
    say(body.error ?? "The change cannot be looked at.", "bad");
    return undefined;
  }
  if (body.impact === "process-upgrade") {
    say("This change needs a restart: " + body.reasons.join(", ") + ".", "bad");
    return undefined;
  }
  if (body.keys.length === 0) return h("p", {}, "No key changes; files that it names may have.");
  const keys = body.keys.map(({ key, change }) => h("li", {}, h("code", {}, key), " " + change));
  return h("div", { class: "keys", tabindex: "0" }, h("p", {}, "What changes:"), h("ul", {}, ...keys),
    body.truncated ? h("p", {}, "... and more.") : undefined);
}

async function reload(api) {
  const change = await preview(undefined, api);
  if (change === undefined) return;
  if (!await api.confirmed("Reload the configuration", change)) return;
  const { body } = await api.post("reload-config");
  if (body.status === "ok") api.say("Reload: " + body.impact + ".");
  else api.say("Reload: " + body.error + " " + (body.reasons ?? []).join(", "), "bad");
  api.refresh();
}

async function rollBack(id, api) {
  const change = await preview(id, api);
  if (change === undefined) return;
  if (!await api.confirmed("Roll back to " + id, change)) return;
  const { body } = await api.post("rollback?live=1&to=" + id);
  if (body.status === "ok") api.say("Rolled back to " + body.rollback_target + ".");
  else api.say("Rollback: " + body.error + " " + (body.reasons ?? []).join(", "), "bad");
  api.refresh();
}

async function store(api) {
  const { body } = await api.post("snapshot", { "X-Fluxheim-Message": "stored from the dashboard" });
  if (body.status === "ok") api.say("Stored " + body.snapshot + ".");
  else api.say("Snapshot: " + body.error, "bad");
  api.refresh();
}
`,
};
