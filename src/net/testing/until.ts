/**
 * Waiting in tests: for conditions, for as long as it takes. A test that waits in vain is ended by the
 * runner (`tests/run.ts`), and by nothing else: how long anything took decides no test.
 *
 * @module
 */

/** Time between two looks at a condition. */
const LOOK_MS = 10;
/** A condition that does not hold by then is named. */
const NAMED_AFTER_MS = 60_000;

/** Names a file for what is waited for: the test runner shows nothing that tests print when it is quiet. */
export const WAITS_FILE = "FLUXHEIM_TEST_WAITS";

/** Waits until `holds` does. `what` says for what, should that take long. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const slow = setTimeout(() => name(what), NAMED_AFTER_MS);
  try {
    while (!await holds()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  } finally {
    clearTimeout(slow);
  }
}

function name(what: string): void {
  const file = Deno.env.get(WAITS_FILE);
  const line = `still waiting until ${what}`;
  if (file === undefined) console.error(line);
  else Deno.writeTextFileSync(file, `${line}\n`, { append: true });
}

/** One turn of the event loop: what was ready has happened then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A moment, as a slow peer takes it: nothing may depend on its length. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
