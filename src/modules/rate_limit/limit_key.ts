/** What a request is counted by (`rate_limit.key`). @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";

/** The text that a request has its bucket by; `undefined` where it counts by its address. */
export type LimitKey = (exchange: Exchange) => string | undefined;

/** Compiles a `key`; `undefined` for the address itself, which costs nothing more. */
export function compileKey(key: string): LimitKey | undefined {
  if (key === "address") return undefined;
  if (key === "certificate") return ({ connection }) => connection.tls?.client?.sha256;
  if (key === "country") return ({ findings }) => present(findings.country);
  const [kind, name] = key.split(":");
  const field = name.toLowerCase();
  if (kind === "header") return ({ request }) => present(request.joined(field));
  return ({ request }) => present(cookie(request.joined("cookie", "; "), name));
}

function present(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** The value of the first cookie of that name. */
function cookie(cookies: string | undefined, name: string): string | undefined {
  if (cookies === undefined) return undefined;
  for (let at = 0; at < cookies.length;) {
    while (cookies[at] === " ") at++;
    const semicolon = cookies.indexOf(";", at);
    const end = semicolon < 0 ? cookies.length : semicolon;
    if (cookies.startsWith(name, at) && cookies[at + name.length] === "=") {
      return cookies.slice(at + name.length + 1, end);
    }
    at = end + 1;
  }
  return undefined;
}
