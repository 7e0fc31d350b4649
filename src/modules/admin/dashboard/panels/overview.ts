/** What the gateway is doing, and what its last reload came to. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const overview: Panel = {
  id: "overview",
  title: "Gateway",
  place: 1,
  script: String.raw`
const text = (value) => value === null || value === undefined ? "none" : String(value);
const time = (secs) => typeof secs === "number" ? new Date(secs * 1000).toLocaleString() : "unknown";

export async function update(root, { get, post, h, say, refresh }) {
  const { status, body } = await get("status");
  if (status !== 200) return;
  const { process, last_reload: last, pending_validation: pending } = body;
  const rows = [
    ["state", process.phase],
    ["process", process.pid + ", up " + process.uptime_secs + " s"],
    ["threads", process.threads.map(({ role, serving }) => serving + " " + role).join(", ")],
    ["last reload", last.outcome + " by " + last.source + ", " + time(last.started)],
    ...(last.reasons.length === 0 ? [] : [["because", last.reasons.join("; ")]]),
    ["serves snapshot", text(body.runtime_snapshot)],
    ["known good", text(body.known_good_snapshot)],
    ["self-healing", body.self_healing_enabled ? "on" : "off"],
    ...(body.store_problem === undefined ? [] : [["store", body.store_problem]]),
  ];
  const list = h("dl", {}, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  const act = (path) => async () => {
    const { body } = await post(path);
    if (body.status === "ok") say("Done: " + path + ".");
    else say(path + ": " + body.error, "bad");
    refresh();
  };
  const watched = pending === null ? [] : [
    h("p", {}, "Snapshot ", h("code", {}, pending.target_snapshot), " is being watched until " +
      time(pending.expires_unix_secs) + ": " + pending.successful_checks + " good, " +
      pending.failed_checks + " bad."),
    h("p", { class: "buttons" },
      h("button", { type: "button", class: "strong", onclick: act("self-heal/confirm") }, "Confirm it"),
      h("button", { type: "button", onclick: act("self-heal/fail") }, "Go back")),
  ];
  replace(root, list, watched);
}

/** Leaves the panel alone while a control in it has the focus and nothing has changed. */
function replace(root, list, watched) {
  const next = document.createElement("div");
  next.append(list, ...watched);
  if (root.textContent === next.textContent) return;
  root.replaceChildren(...next.childNodes);
}
`,
};
