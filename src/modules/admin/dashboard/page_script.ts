/**
 * The program of the dashboard's page: asks for the token, keeps it in memory, and has the panels update
 * themselves.
 *
 * @module
 */

/** Text of the module. Everything that is shown goes through `h`, as text. */
export const PAGE_SCRIPT = String.raw`
const REFRESH_MS = 2000;
const base = "/_fluxheim/";
const page = { token: "", left: new AbortController(), panels: [], timer: undefined, updating: false };

/** An element. Children are elements, or texts; never markup. */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key === "onclick" || key === "onsubmit") element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== null).map(asNode));
  return element;
}

/** A text as a field may have it: its UTF-8, an octet a character. */
const octets = (text) => String.fromCharCode(...new TextEncoder().encode(text));

const asNode = (child) => child instanceof Node ? child : document.createTextNode(String(child));

/**
 * Makes the children of an element those that are given, and leaves alone what is the same: what has the focus,
 * or was scrolled, stays. Elements with another data-key are others, with other listeners.
 */
export function show(root, ...children) {
  const next = children.filter((child) => child !== undefined && child !== null).map(asNode);
  next.forEach((node, i) => {
    const old = root.childNodes[i];
    if (old === undefined) root.append(node);
    else if (isSame(old, node)) adopt(old, node);
    else put(old, node);
  });
  while (root.childNodes.length > next.length) root.lastChild.remove();
}

const isSame = (old, node) => old.nodeName === node.nodeName &&
  (!(old instanceof Element) || old.getAttribute("data-key") === node.getAttribute("data-key"));

function put(old, node) {
  const had = old.contains(document.activeElement);
  old.replaceWith(node);
  if (had && node instanceof HTMLElement) node.focus();
}

function adopt(old, node) {
  if (!(old instanceof Element)) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  show(old, ...node.childNodes);
}

/** The time that a part of what a histogram counted took at most, in seconds; undefined of nothing. */
export function percentile(cells, buckets, part) {
  const counts = cells.slice(0, -1);
  const total = counts.reduce((all, one) => all + one, 0);
  if (total === 0) return undefined;
  let left = total * part;
  for (let i = 0; i < counts.length; i++) {
    if (left > counts[i]) {
      left -= counts[i];
      continue;
    }
    const low = i === 0 ? 0 : buckets[i - 1];
    // Within a bucket times are taken to be even; past the last one nothing is known.
    return i === buckets.length ? low : low + (buckets[i] - low) * left / counts[i];
  }
  return buckets.at(-1);
}

/** A time in seconds, for a person. */
export function duration(secs) {
  if (secs === undefined) return "";
  return secs < 1 ? (secs * 1000).toFixed(secs < 0.01 ? 1 : 0) + " ms" : secs.toFixed(2) + " s";
}

/** A small line of the last values. */
export function sparkline(values, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 120 28");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const most = Math.max(...values, 1);
  const line = document.createElementNS(space, "polyline");
  const points = values.map((value, i) =>
    (i * 120 / Math.max(values.length - 1, 1)).toFixed(1) + "," + (26 - 24 * value / most).toFixed(1));
  line.setAttribute("points", points.join(" "));
  svg.append(line);
  return svg;
}

/** After a logout nothing is answered any more: a panel that waited for it would show it. */
async function ask(method, path, headers = {}) {
  const { signal } = page.left;
  const response = await fetch(base + path, {
    method,
    headers: { ...headers, Authorization: "Bearer " + octets(page.token) },
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal,
  });
  const body = response.status === 204 ? {} : await response.json();
  signal.throwIfAborted();
  if (response.status === 401) leave("The token is not accepted.");
  if (response.status === 429) leave("Too many wrong tokens: this address is locked out for a while.");
  return { status: response.status, body };
}

/** Asks for a yes; resolves with whether it was given. */
export function confirmed(title, ...content) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" });
    const end = (answer) => () => dialog.close(answer);
    dialog.append(
      h("h2", { id: "dialog-title" }, title),
      ...content,
      h("p", { class: "buttons" },
        h("button", { type: "button", onclick: end("no") }, "Cancel"),
        h("button", { type: "button", class: "strong", onclick: end("yes") }, "Do it")),
    );
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      dialog.close("yes");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Says what came of something. */
export function say(text, kind = "good") {
  const place = document.getElementById("said");
  place.textContent = text;
  place.className = kind;
}

const api = {
  h,
  show,
  percentile,
  duration,
  sparkline,
  confirmed,
  say,
  get: (path, headers) => ask("GET", path, headers),
  post: (path, headers) => ask("POST", path, headers),
  refresh: () => void update(),
};

async function update() {
  clearTimeout(page.timer);
  if (page.updating || page.token === "") return;
  const { signal } = page.left;
  page.updating = true;
  try {
    if (!document.hidden) {
      for (const { root, panel } of page.panels) {
        if (page.token === "") return;
        await panel.update(root, api);
      }
      if (page.token !== "") document.getElementById("state").textContent = "live";
    }
  } catch (error) {
    if (!signal.aborted) document.getElementById("state").textContent = "no answer: " + error.message;
  } finally {
    page.updating = false;
    if (page.token !== "") page.timer = setTimeout(update, REFRESH_MS);
  }
}

async function enter(event) {
  event.preventDefault();
  const field = document.getElementById("token");
  page.token = field.value.trim();
  field.value = "";
  if (page.token === "") return;
  const { signal } = page.left;
  try {
    const { status } = await ask("GET", "status");
    if (page.token === "") return;
    if (status !== 200) return leave("The gateway has answered " + status + ".");
  } catch (error) {
    if (!signal.aborted) leave("The gateway does not answer: " + error.message);
    return;
  }
  document.getElementById("login").hidden = true;
  document.getElementById("panels").hidden = false;
  document.getElementById("leave").hidden = false;
  document.getElementById("panels").focus();
  await update();
}

function leave(text) {
  page.token = "";
  page.left.abort();
  page.left = new AbortController();
  clearTimeout(page.timer);
  document.getElementById("login").hidden = false;
  document.getElementById("panels").hidden = true;
  document.getElementById("leave").hidden = true;
  document.getElementById("state").textContent = "";
  document.getElementById("reason").textContent = text;
  for (const { root } of page.panels) root.replaceChildren();
  document.getElementById("token").focus();
}

for (const section of document.querySelectorAll("section[data-panel]")) {
  const panel = await import("./panels/" + section.dataset.panel + ".js");
  page.panels.push({ panel, root: section.querySelector("div") });
}
document.getElementById("form").addEventListener("submit", enter);
document.getElementById("leave").addEventListener("click", () => leave(""));
document.addEventListener("visibilitychange", () => void update());
document.getElementById("token").focus();
`;
