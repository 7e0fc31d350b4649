/**
 * Installs a pair and is killed before a step: `killed_install.ts DIRECTORY CERT KEY STEP`. Run by
 * `pair_store_test.ts`.
 *
 * @module
 */
import { installPair } from "../store/pair_store.ts";

const [directory, cert, key, last] = Deno.args;

installPair(
  directory,
  { cert: Deno.readFileSync(cert), key: Deno.readFileSync(key) },
  (step) => {
    if (step === last) Deno.kill(Deno.pid, "SIGKILL");
  },
);
