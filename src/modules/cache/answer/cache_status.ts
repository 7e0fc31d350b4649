/** `Cache-Status` (RFC 9211). @module */
/** Values of the status header (spec 04 section 15). */
export type CacheStatus =
  | "HIT"
  | "MISS"
  | "EXPIRED"
  | "REVALIDATED"
  | "REVALIDATED-NOCACHE"
  | "REVALIDATE"
  | "STALE"
  | "STALE-UPDATING"
  | "BYPASS"
  | "PEER-HIT";

/** Parameters for each status. */
const PARAMETERS: Readonly<Record<CacheStatus, string>> = {
  "HIT": "hit",
  "MISS": "fwd=uri-miss",
  "EXPIRED": "fwd=stale",
  "REVALIDATED": "fwd=stale; fwd-status=304",
  "REVALIDATED-NOCACHE": "fwd=stale; fwd-status=304",
  "REVALIDATE": "fwd=request",
  "STALE": "hit; detail=stale-if-error",
  "STALE-UPDATING": "hit; detail=stale-while-revalidate",
  "BYPASS": "fwd=bypass",
  "PEER-HIT": "fwd=uri-miss; detail=peer",
};

/** The member of this cache; the reason is a token or short text of the cache's own. */
export function cacheStatus(status: CacheStatus, reason: string): string {
  const isStored = (status === "MISS" || status === "EXPIRED") && reason === "";
  const detail = reason === "" || PARAMETERS[status].includes("detail") ? "" : `; detail=${reason}`;
  return `fluxheim; ${PARAMETERS[status]}${isStored ? "; stored" : ""}${detail}`;
}
