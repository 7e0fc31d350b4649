/** Certificates, and how many days each has left. @module */
import type { Panel } from "../panel.ts";

/** The panel. */
export const certificates: Panel = {
  id: "certificates",
  title: "Certificates",
  place: 3,
  script: String.raw`
const METRIC = "fluxheim_tls_certificate_expiry_timestamp_seconds";
const SOON_DAYS = 14;

export async function update(root, { get, h, show }) {
  const { status, body } = await get("live?metric=" + METRIC);
  if (status !== 200) return;
  const rows = body.counters
    .map(({ labels, value }) => ({ name: labels.certificate, days: (value * 1000 - Date.now()) / 86400000, value }))
    .sort((a, b) => a.value - b.value);
  if (rows.length === 0) return show(root, h("p", {}, "No certificate is configured."));
  show(root, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Certificates" },
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "configured as"),
        h("th", { scope: "col", class: "number" }, "days left"), h("th", { scope: "col" }, "expires"))),
      h("tbody", {}, ...rows.map(({ name, days, value }) => h("tr", { "data-key": name },
        h("td", {}, h("code", {}, name)),
        h("td", { class: "number " + (days < SOON_DAYS ? "bad" : "good") },
          days < 0 ? "expired" : String(Math.floor(days))),
        h("td", {}, new Date(value * 1000).toLocaleString())))))));
}
`,
};
