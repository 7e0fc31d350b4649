/**
 * Credentials that a service manager hands to the process as files: `LoadCredential=` of systemd, secrets of a
 * container.
 *
 * @module
 */

/** Where systemd says that they are. */
export const CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY";

/** Where they are by default: those of the package's units, and those of a container. */
const USUAL_DIRECTORIES = [
  "/run/credentials/fluxheim.service",
  "/run/credentials/fluxheim-acme.service",
  "/run/secrets",
];

/** Paths at which the credential `name` may be, the first first. */
export function credentialPaths(name: string): readonly string[] {
  const told = toldDirectory();
  const others = USUAL_DIRECTORIES.filter((directory) => directory !== told);
  const directories = told === undefined ? others : [told, ...others];
  return directories.map((directory) => `${directory}/${name}`);
}

function toldDirectory(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: CREDENTIALS_VARIABLE });
  if (state !== "granted") return undefined;
  const path = Deno.env.get(CREDENTIALS_VARIABLE)?.replace(/\/+$/, "");
  return path?.startsWith("/") === true ? path : undefined;
}
