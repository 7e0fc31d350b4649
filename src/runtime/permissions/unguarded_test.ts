import assert from "node:assert/strict";

const SCRIPT = `
const reached = [];
for (const name of ["caches", "localStorage", "sessionStorage"]) {
  try { if (globalThis[name] !== undefined) reached.push(name); } catch { /* not there */ }
}
try { new CacheStorage(); reached.push("CacheStorage"); } catch { /* cannot be made */ }
console.log(JSON.stringify(reached));
`;

async function reached(...lines: string[]): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode([...lines, SCRIPT].join("\n")));
  await writer.close();
  const { stdout } = await child.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("nothing that writes without a permission can be reached", async () => {
  const own = JSON.stringify(import.meta.resolve("./unguarded.ts"));
  assert.deepEqual(await reached(`import ${own};`), []);
});

Deno.test("a program that does not take it away has it without any permission", async () => {
  assert.ok((await reached()).includes("caches"));
});
