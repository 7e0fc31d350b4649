/** The version this program is; `deno.json` says the same. @module */
import { VERSION } from "../../gateway/exchange/version.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import type { Io } from "../command.ts";

export { VERSION };

/** Prints the version in the first line and the runtime's after it, or all it is made of as JSON. */
export function printVersion(profile: Profile, json: boolean, io: Io): void {
  if (!json) {
    io.out(`fluxheim ${VERSION}`);
    for (const part of ["deno", "v8"] as const) io.out(`${part} ${Deno.version[part]}`);
    return;
  }
  io.out(JSON.stringify(
    {
      version: VERSION,
      profile: profile.name,
      modules: profile.modules.map((m) => m.name),
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      target: Deno.build.target,
    },
    undefined,
    2,
  ));
}
