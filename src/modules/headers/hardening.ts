/**
 * `headers.response.hardening.profile`: sets of fields that isolate a site's pages from other sites'.
 * Beyond 1.5, off unless asked for.
 *
 * @module
 */

/** A set of isolation fields. */
export type HardeningProfile = "off" | "baseline" | "cross-origin-isolated";

/** A field that a profile may set. */
export type IsolationField =
  | "permissions-policy"
  | "cross-origin-opener-policy"
  | "cross-origin-resource-policy"
  | "cross-origin-embedder-policy"
  | "x-permitted-cross-domain-policies";

/** Powerful features that a page has to be given on purpose. */
const NO_POWERFUL_FEATURES = [
  "accelerometer",
  "camera",
  "display-capture",
  "geolocation",
  "gyroscope",
  "magnetometer",
  "microphone",
  "midi",
  "payment",
  "usb",
].map((feature) => `${feature}=()`).join(", ");

const PROFILES: Readonly<
  Record<HardeningProfile, Readonly<Partial<Record<IsolationField, string>>>>
> = {
  "off": {},
  // What ordinary sites can take: pop-ups for sign-in still work, and sister sites may embed.
  "baseline": {
    "permissions-policy": NO_POWERFUL_FEATURES,
    "cross-origin-opener-policy": "same-origin-allow-popups",
    "cross-origin-resource-policy": "same-site",
    "x-permitted-cross-domain-policies": "none",
  },
  // What `crossOriginIsolated` needs: every embedded resource has to agree.
  "cross-origin-isolated": {
    "permissions-policy": NO_POWERFUL_FEATURES,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "x-permitted-cross-domain-policies": "none",
  },
};

const ORDER: readonly IsolationField[] = [
  "permissions-policy",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "cross-origin-embedder-policy",
  "x-permitted-cross-domain-policies",
];

/** The fields of `profile`, each replaced by its own key where that is given. */
export function isolationFields(
  profile: HardeningProfile,
  own: Readonly<Record<IsolationField, string | undefined>>,
): [IsolationField, string | undefined][] {
  return ORDER.map((name) => [name, own[name] ?? PROFILES[profile][name]]);
}
