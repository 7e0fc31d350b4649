import assert from "node:assert/strict";

const SCRIPT = `
const reached = [];
for (const name of ["caches", "localStorage", "sessionStorage"]) {
  try { if (globalThis[name] !== undefined) reached.push(name); } catch { /* not there */ }
}
try { new CacheStorage(); reached.push("CacheStorage"); } catch { /* cannot be made */ }
if (navigator.gpu !== undefined) reached.push("gpu");
const { Worker: NodeWorker } = await import("node:worker_threads");
const made = [
  ["node worker", () => new NodeWorker("1", { eval: true })],
  ["node worker of another kind", () => Reflect.construct(NodeWorker, ["1", { eval: true }], Array)],
  ["node worker by heritage", () => new (class extends NodeWorker {})("1", { eval: true })],
  ["node worker with its heritage back", () => {
    Object.setPrototypeOf(NodeWorker, EventTarget);
    return new NodeWorker("1", { eval: true });
  }],
  ["socket of a descriptor", () => process.binding("tcp_wrap").TCP.prototype.open.call({}, 2)],
];
for (const [name, make] of made) {
  try { make(); reached.push(name); } catch { /* cannot be made */ }
}
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
  const all = await reached();
  for (const name of ["caches", "gpu", "node worker"]) assert.ok(all.includes(name), name);
});

Deno.test("a worker can start no worker, and the first thread can", async () => {
  const own = JSON.stringify(import.meta.resolve("./unguarded.ts"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--quiet",
      "--ext=ts",
      `
      import ${own};
      const inner = "data:text/javascript,postMessage('inner')";
      const text = 'import ${own}; try { new Worker(' + JSON.stringify(inner) + ', { type: "module" });' +
        ' postMessage("started"); } catch (error) { postMessage(error.message); }';
      const worker = new Worker("data:text/javascript," + encodeURIComponent(text), { type: "module" });
      worker.onmessage = ({ data }) => { console.log(data); Deno.exit(); };
      worker.onerror = ({ message }) => { console.log(message); Deno.exit(); };`,
    ],
    stdout: "piped",
  });
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /denied: only the keeper starts threads/);
});
