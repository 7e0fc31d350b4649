/** Whether the databases of a configuration can be used. @module */
import type { Config, Problem } from "../../config/types.ts";
import type { System } from "../../gateway/module.ts";
import { blindSpots } from "./blind_spots.ts";
import { DatabaseError } from "./database.ts";
import { identify, openDatabase } from "./database_file.ts";
import type { GeoipConfig } from "./schema.ts";
import { consulted } from "./table.ts";

/** Largest databases taken together. */
const MAX_TOTAL_BYTES = 1024 * 1024 * 1024;

/** Opens each database that is asked, and looks whether it tells what policies ask for. */
export async function checkDatabases(
  config: Config,
  geoip: GeoipConfig,
  system: System,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  // All files are looked at before one is read: together they may be too large to be read at all.
  const files = await eachDatabase(geoip, problems, async ({ path }, key) => {
    const identity = await identify(path);
    const { uid } = identity;
    if (uid !== null && uid !== 0 && system.uid >= 0 && uid !== system.uid) {
      problems.push({ key, message: `${path} must belong to root or to the service user` });
    }
    return identity;
  });
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > MAX_TOTAL_BYTES) {
    problems.push({ key: "geoip.databases", message: "must be at most 1 GiB in all" });
  }
  if (problems.length > 0) return problems;
  const databases = await eachDatabase(
    geoip,
    problems,
    ({ path, provider }, _key, i) => openDatabase(path, provider, files[i]),
  );
  if (problems.length > 0) return problems;
  return blindSpots(config, databases, system.wanted).map((message) => ({
    key: "geoip.databases",
    message,
    warning: true,
  }));
}

type DatabaseConfig = GeoipConfig["databases"][number];

/** Does a job for each database that is asked at all; what is wrong with one is a problem of its key. */
async function eachDatabase<T>(
  geoip: GeoipConfig,
  problems: Problem[],
  job: (database: DatabaseConfig, key: string, index: number) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (const [i, database] of consulted(geoip).entries()) {
    const key = `geoip.databases[${i}].path`;
    try {
      done.push(await job(database, key, i));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      problems.push({ key, message: `${database.path} ${error.message}` });
    }
  }
  return done;
}
