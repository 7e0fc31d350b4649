/**
 * Which paths may be cached, and whether an answer fits the path that it came for: a page about one client must
 * not be stored because something that looks like a stylesheet was appended to its path.
 *
 * @module
 */

/** Where servers cut a segment off: raw, or as an escape. */
const DELIMITERS = /[;&#?$|]|%(?:3b|23|3f|26|2c|3d|24|7c|00|0[9ad]|2f|5c)/i;

/**
 * The extension of the last segment, lower case; `""` where it has none, or where a server may read the
 * segment as ending before it.
 */
export function extensionOf(path: string): string {
  const segment = path.slice(path.lastIndexOf("/") + 1);
  const dot = segment.lastIndexOf(".");
  if (dot <= 0 || DELIMITERS.test(segment)) return "";
  return segment.slice(dot + 1).toLowerCase();
}

const SCRIPT = ["text/javascript", "application/javascript", "application/x-javascript"];
const IMAGE = ["image/", "application/octet-stream"];
const FONT = ["font/", "application/font-", "application/vnd.ms-fontobject", "application/x-font-"];

/** Media types that an extension must come with, or what they must begin with. */
const FITTING: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["css", ["text/css"]],
  ["js", SCRIPT],
  ["mjs", SCRIPT],
  ["wasm", ["application/wasm"]],
  ["svg", ["image/svg+xml"]],
  ["avif", IMAGE],
  ["gif", IMAGE],
  ["ico", IMAGE],
  ["jpeg", IMAGE],
  ["jpg", IMAGE],
  ["png", IMAGE],
  ["webp", IMAGE],
  ["eot", FONT],
  ["otf", FONT],
  ["ttf", FONT],
  ["woff", FONT],
  ["woff2", FONT],
]);

/** These can hold script, so an image of another kind must not come as one. */
const SCRIPTED = "image/svg+xml";

/** Whether an answer of the media type `type` fits a path with this extension. */
export function fitsExtension(extension: string, type: string): boolean {
  const fitting = FITTING.get(extension);
  if (fitting === undefined) return true;
  if (type === SCRIPTED) return extension === "svg";
  return fitting.some((one) => type === one || (/[/-]$/.test(one) && type.startsWith(one)));
}
