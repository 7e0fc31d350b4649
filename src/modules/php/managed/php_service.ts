/** The service `php`: runs the php-fpm of every table in managed mode (spec 07 section 19). @module */
import type { RunningService, Service, ServiceContext } from "../../../gateway/threads/service.ts";
import type { Config } from "../../../config/types.ts";
import { phpTables, poolLabel } from "../table.ts";
import { managedOf } from "./managed.ts";
import { GRACE_SECS, poolConfig } from "./pool_config.ts";
import { binaryFault, ownDirectory } from "./safety.ts";
import { Supervisor } from "./supervisor.ts";

/** Seconds that a php-fpm may take to start, unless the configuration says how long, and at most. */
const DEFAULT_READY_SECS = 5;
const MAX_READY_SECS = 60;

/** Runs every managed php-fpm. */
export const php: Service = {
  module: "php-fpm",
  role: "php",
  async start(context): Promise<RunningService> {
    const supervisors = supervisorsOf(context);
    const started = await Promise.allSettled(supervisors.map((supervisor) => supervisor.start()));
    const failed = started.find((one) => one.status === "rejected");
    const stop = async () => {
      await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
    };
    if (failed !== undefined) {
      await stop();
      throw failed.reason;
    }
    return {
      // What a php-fpm was started with never changes in a running process.
      reload: () => Promise.resolve(),
      stop,
    };
  },
};

function supervisorsOf({ config, log }: ServiceContext): Supervisor[] {
  const supervisors: Supervisor[] = [];
  for (const { php, scope } of phpTables(config as Config)) {
    const managed = managedOf(php, scope);
    if (managed === undefined) continue;
    const { fpm, files } = managed;
    const readySecs = Math.min(fpm.connect_timeout_secs ?? DEFAULT_READY_SECS, MAX_READY_SECS);
    const directories = [fpm.socket_dir, fpm.session_save_path, fpm.upload_tmp_dir];
    supervisors.push(
      new Supervisor(
        `${scope.vhost.name}/${poolLabel(scope)}`,
        {
          binary: fpm.php_fpm_binary,
          files,
          config: poolConfig(fpm, files),
          readyMs: readySecs * 1000,
          graceMs: GRACE_SECS * 1000,
        },
        log,
        () =>
          directories.map((path) => path === undefined ? undefined : ownDirectory(path))
            .find((fault) => fault !== undefined) ?? binaryFault(fpm.php_fpm_binary),
      ),
    );
  }
  return supervisors;
}
