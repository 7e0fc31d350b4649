/**
 * Implementations in Python as peers.
 *
 * @module
 */
import { testUnlessMissing } from "./peer.ts";

/** Debian's packages that are peers, and what a Python that has one can import. */
const MODULES = {
  "python3-h2": "h2",
  "python3-hpack": "hpack",
  "python3-grpcio": "grpc",
} as const;

/** A peer in Python, by the name of its Debian package. */
export type PythonPackage = keyof typeof MODULES;

const CANDIDATES = ["python3", "/usr/bin/python3"];

/** A Python that has the package, or `undefined`. */
function pythonWith(name: PythonPackage): string | undefined {
  for (const python of CANDIDATES) {
    try {
      const args = ["-c", `import ${MODULES[name]}`];
      const { code } = new Deno.Command(python, { args, stdout: "null", stderr: "null" })
        .outputSync();
      if (code === 0) return python;
    } catch {
      // Not installed under that name.
    }
  }
  return undefined;
}

/**
 * What declares tests that need a Python with a package; each gets the path of that Python. Where there is
 * none the tests are skipped, and their names say what is missing.
 */
export function pythonTests(
  name: PythonPackage,
): (sentence: string, run: (python: string) => Promise<void>) => void {
  const python = pythonWith(name);
  return (sentence, run) =>
    python === undefined
      ? testUnlessMissing([name], sentence, () => Promise.resolve())
      : testUnlessMissing([], sentence, () => run(python));
}
