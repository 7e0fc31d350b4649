/** How fast what counts. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const traffic: Panel = {
  id: "traffic",
  title: "Counters",
  place: 4,
  script: String.raw`
const KEPT = 60;
const SHOWN = 40;
const memory = { before: new Map(), rates: new Map(), at: 0 };

const nameOf = ({ name, labels }) =>
  name + " " + Object.entries(labels).filter(([, value]) => value !== "")
    .map(([key, value]) => key + "=" + value).join(" ");

export async function update(root, { get, h, show, sparkline }) {
  const { status, body } = await get("live");
  if (status !== 200) return;
  const now = performance.now();
  const secs = (now - memory.at) / 1000;
  const rows = body.counters.filter(({ kind }) => kind === "counter").map((counter) => {
    const name = nameOf(counter);
    const rate = memory.at === 0 ? 0 : Math.max(0, counter.value - (memory.before.get(name) ?? 0)) / secs;
    memory.before.set(name, counter.value);
    const history = memory.rates.get(name) ?? [];
    history.push(rate);
    if (history.length > KEPT) history.shift();
    memory.rates.set(name, history);
    return { name, value: counter.value, rate, history };
  });
  memory.at = now;
  rows.sort((a, b) => b.rate - a.rate || b.value - a.value || (a.name < b.name ? -1 : 1));
  if (rows.length === 0) return show(root, h("p", {}, "Nothing has been counted yet."));
  show(root, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Counters" },
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "counter"),
        h("th", { scope: "col", class: "number" }, "per second"),
        h("th", { scope: "col", class: "number" }, "total"), h("th", { scope: "col" }, "last two minutes"))),
      h("tbody", {}, ...rows.slice(0, SHOWN).map(({ name, value, rate, history }) =>
        h("tr", { "data-key": name }, h("td", {}, h("code", {}, name)), h("td", { class: "number" }, rate.toFixed(1)),
          h("td", { class: "number" }, value.toLocaleString()),
          h("td", {}, sparkline(history, "rate of " + name))))))));
}
`,
};
