/**
 * What the launcher runs in tests. Arguments: a journal that each life writes a line to, then the
 * status of each life in turn; `wait` is a life that ends with 0 at SIGTERM, `wait-3` with 3. Of those
 * that never begin (`supervise_main.ts`) it knows nothing.
 *
 * @module
 */
const [journal, ...all] = Deno.args;
const lives = all.filter((life) => !["wrong", "throws"].includes(life));

function note(line: string): void {
  Deno.writeTextFileSync(journal, `${line}\n`, { append: true, create: true });
}

if (import.meta.main) {
  note("start");
  const before = Deno.readTextFileSync(journal).split("\n").filter((line) => line === "start");
  const life = lives[before.length - 1];
  const [waits, status = "0"] = life.split("-");
  if (waits !== "wait") Deno.exit(Number(life));
  Deno.addSignalListener("SIGHUP", () => note("reload"));
  Deno.addSignalListener("SIGTERM", () => {
    note("stop");
    Deno.exit(Number(status));
  });
  note("ready");
  // Signal listeners do not keep a program running.
  setInterval(() => {}, 60_000);
}
