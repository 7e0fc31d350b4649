/**
 * A directory of configuration files for one test.
 *
 * @module
 */

/** Runs `test` with a new directory that only this user may write to, and removes it afterwards. */
export async function withDirectory(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (directory: string) => void | Promise<void>,
): Promise<void> {
  const directory = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = `${directory}/${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o755 });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(path, bytes, { mode: 0o644 });
    }
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
