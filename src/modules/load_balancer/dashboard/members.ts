/** Members of pools, with what an operator does to them. @module */
import type { Panel } from "../../admin/control.ts";

/** The panel. */
export const members: Panel = {
  id: "members",
  title: "Load balancer",
  place: 3,
  script: String.raw`
export async function update(root, api) {
  const { h, show } = api;
  const { status, body } = await api.get("load-balancer/status");
  if (status !== 200) return show(root, h("p", { class: "bad" }, body.error));
  const { vhosts, truncated } = body.load_balancer;
  const pools = vhosts.flatMap(({ name, pool, routes }) => [
    ...(pool === null ? [] : [{ vhost: name, route: "", pool }]),
    ...routes.map((route) => ({ vhost: name, route: route.name, pool: route.pool })),
  ]);
  if (pools.length === 0) return show(root, h("p", {}, "No pool is configured."));
  show(root, ...pools.flatMap((pool) => shown(pool, api)),
    truncated ? h("p", {}, "There are more pools: fluxheim members --vhost NAME shows them.") : undefined);
}

function shown({ vhost, route, pool }, api) {
  const { h } = api;
  const name = route === "" ? vhost : vhost + " " + route;
  const key = JSON.stringify([vhost, route]);
  const heads = [["member"], ["state"], ["weight", "number"], ["in flight", "number"],
    ["sessions", "number"], [""]];
  return [
    h("h3", { "data-key": "h" + key }, name + ": " + pool.selection + ", " +
      pool.available_backend_count + " of " + pool.backend_count + " available"),
    h("div", { "data-key": key, class: "scroll", tabindex: "0", role: "region",
      "aria-label": "Members of " + name },
      h("table", {},
        h("thead", {}, h("tr", {}, ...heads.map(([text, of]) => h("th", { scope: "col", class: of }, text)))),
        h("tbody", {}, ...pool.backends.map((member) => row(member, vhost, route, api))))),
  ];
}

function row(member, vhost, route, api) {
  const { h } = api;
  const name = member.alias ?? member.address;
  const number = (value) => h("td", { class: "number" }, String(value));
  const isOut = member.runtime_state_override !== null;
  const set = (state) => () => act("member-state", { State: state }, member, vhost, route, api);
  const weight = member.weight === member.effective_weight ? member.weight
    : member.effective_weight + " (" + member.weight + ")";
  return h("tr", { "data-key": name },
    h("td", {}, h("code", {}, name), member.alias === null ? "" : " " + member.address),
    h("td", { class: member.ready && !member.drained && !member.disabled && !member.passive_ejected
      ? "good" : "bad" }, stateOf(member)),
    number(weight), number(member.in_flight), number(member.persistence_entry_count),
    h("td", {}, h("span", { class: "buttons tight" },
      isOut
        ? h("button", { "data-key": "in", type: "button", "aria-label": "Enable " + name,
          onclick: set("normal") }, "Enable")
        : h("button", { "data-key": "out", type: "button", "aria-label": "Drain " + name,
          onclick: set("drain") }, "Drain"),
      h("button", { "data-key": "weight", type: "button", "aria-label": "Set the weight of " + name,
        onclick: () => weigh(name, member, vhost, route, api) }, "Weight"))));
}

function stateOf(member) {
  if (member.runtime_state_override !== null) return member.runtime_state_override;
  if (member.disabled) return "disabled";
  if (member.drained) return "drained";
  if (!member.ready) return "down";
  if (member.passive_ejected) return "ejected, " + member.passive_ejection_remaining_secs + " s";
  return member.backup ? "backup" : "up";
}

async function weigh(name, member, vhost, route, api) {
  const { h } = api;
  const field = h("input", { id: "weight", inputmode: "numeric", value: member.effective_weight });
  const asked = h("div", {},
    h("label", { for: "weight" }, "1 to 1000, or default for the configured " + member.weight), field);
  if (!await api.confirmed("Weight of " + name, asked)) return;
  await act("member-weight", { Weight: field.value.trim() }, member, vhost, route, api);
}

async function act(path, inputs, member, vhost, route, api) {
  const fields = { Vhost: vhost, Member: member.address ?? member.alias, ...inputs };
  if (route !== "") fields.Route = route;
  const headers = Object.fromEntries(Object.entries(fields).map(([key, value]) =>
    ["X-Fluxheim-Lb-" + key, value]));
  const { body } = await api.post("load-balancer/" + path, headers);
  if (body.status !== "ok") api.say(path + ": " + body.error, "bad");
  else if (body.state === undefined) api.say(body.member + " has weight " + body.effective_weight + ".");
  else api.say(body.member + " is " + body.state + ".");
  api.refresh();
}
`,
};
