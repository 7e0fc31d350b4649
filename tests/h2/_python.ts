/**
 * Finds a Python that has the wanted packages, for tests that use another implementation as a peer.
 *
 * @module
 */

const CANDIDATES = ["python3", "/usr/bin/python3"];

/** A Python that can import `modules`, or `undefined`: the test then says that it is ignored. */
export function pythonWith(...modules: string[]): string | undefined {
  for (const python of CANDIDATES) {
    try {
      const { code } = new Deno.Command(python, {
        args: ["-c", `import ${modules.join(", ")}`],
        stdout: "null",
        stderr: "null",
      }).outputSync();
      if (code === 0) return python;
    } catch {
      // Not installed under that name.
    }
  }
  return undefined;
}

/** Whether a program of that name can be run. */
export function hasProgram(name: string, flag = "--version"): boolean {
  try {
    new Deno.Command(name, { args: [flag], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** The path of a script that stands beside this file. */
export function scriptPath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

/** Lines of a child's output, in order. */
export class Lines {
  #text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line; `undefined` at the end. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
