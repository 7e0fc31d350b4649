/** Whether the databases of a configuration can be used. @module */
import type { Config, Problem } from "../../config/types.ts";
import type { Files, System } from "../../gateway/module.ts";
import { blindSpots } from "./blind_spots.ts";
import { DatabaseError, GeoDatabase } from "./database.ts";
import { MAX_TOTAL_BYTES } from "./limits.ts";
import type { GeoipConfig } from "./schema.ts";
import { consulted, databaseKey } from "./table.ts";

/** Facts about the files, as far as there are some: the keeper reports those that it cannot read. */
export async function checkDatabases(geoip: GeoipConfig, system: System): Promise<Problem[]> {
  const problems: Problem[] = [];
  let total = 0;
  for (const [i, { path }] of consulted(geoip).entries()) {
    const info = await Deno.lstat(path).catch(() => undefined);
    if (info === undefined || !info.isFile) continue;
    total += info.size;
    const { uid } = info;
    if (uid === null || uid === 0 || system.uid < 0 || uid === system.uid) continue;
    const message = `${path} must belong to root or to the service user`;
    problems.push({ key: databaseKey(i), message });
  }
  if (total > MAX_TOTAL_BYTES) {
    problems.push({ key: "geoip.databases", message: "must be at most 1 GiB in all" });
  }
  return problems;
}

/** One problem for each database that is not whole, or a warning for what policies ask for and none contains. */
export async function proveDatabases(
  config: Config,
  geoip: GeoipConfig,
  files: Files,
  system: System,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const databases: GeoDatabase[] = [];
  for (const [i, { path, provider }] of consulted(geoip).entries()) {
    const content = files.get(path);
    if (content === undefined) continue;
    try {
      databases.push(await GeoDatabase.prove(content, provider));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      problems.push({ key: databaseKey(i), message: `${path} ${error.message}` });
    }
  }
  // Of databases that are in use already, a worker reports what they lack.
  if (problems.length > 0 || databases.length < consulted(geoip).length) return problems;
  return blindSpots(config, databases, system.wanted).map((message) => ({
    key: "geoip.databases",
    message,
    warning: true,
  }));
}
