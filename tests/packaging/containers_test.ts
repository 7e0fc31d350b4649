/** The container files, read as a builder would. */
import assert from "node:assert/strict";
import { testWith } from "../testing/peer.ts";

const folder = new URL("../../packaging/containers/", import.meta.url);

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of a file, continued lines joined, comments left out. */
function instructions(text: string): Instruction[] {
  const joined = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
  return joined.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const parts = /^([A-Z]+) (.+)$/.exec(line);
    assert.ok(parts !== null, `no instruction: ${line}`);
    return { name: parts[1], text: parts[2] };
  });
}

const KNOWN = [
  "FROM",
  "WORKDIR",
  "COPY",
  "RUN",
  "USER",
  "EXPOSE",
  "STOPSIGNAL",
  "ENTRYPOINT",
  "CMD",
];

for (const { name } of Deno.readDirSync(folder)) {
  if (!name.endsWith(".Containerfile")) continue;
  const text = Deno.readTextFileSync(new URL(name, folder));
  const all = instructions(text);
  const last = all.slice(all.findLastIndex((instruction) => instruction.name === "FROM"));
  const only = (wanted: string) => {
    const found = last.filter((instruction) => instruction.name === wanted);
    assert.equal(found.length, 1, wanted);
    return found[0].text;
  };

  Deno.test(`${name} has only instructions that builders know`, () => {
    for (const instruction of all) assert.ok(KNOWN.includes(instruction.name), instruction.name);
    assert.equal(all[0].name, "FROM");
  });

  Deno.test(`${name} ends in an image without a shell, a user of its own, and no root`, () => {
    assert.equal(last[0].text, "scratch");
    assert.ok(!last.some((instruction) => instruction.name === "RUN"));
    assert.equal(only("USER"), "65532:65532");
    assert.deepEqual(JSON.parse(only("ENTRYPOINT")), ["/usr/local/bin/fluxheim"]);
    assert.deepEqual(JSON.parse(only("CMD")), ["--config", "/etc/fluxheim/fluxheim.toml"]);
    assert.equal(only("STOPSIGNAL"), "SIGTERM");
  });

  Deno.test(`${name} names the version of everything it is built from`, () => {
    for (const { name, text } of all) {
      if (name !== "FROM" || text === "scratch") continue;
      assert.match(text, /^[a-z/]+:[\w.-]+ AS \w+$/);
      assert.doesNotMatch(text, /:latest/);
    }
  });

  testWith(["sh"], `${name} runs commands that a shell can read`, async () => {
    for (const { name, text } of all) {
      if (name !== "RUN") continue;
      const { success, stderr } = await new Deno.Command("sh", { args: ["-nc", text] }).output();
      assert.ok(success, `${text}\n${new TextDecoder().decode(stderr)}`);
    }
  });

  Deno.test(`${name} copies only from the checkout and from its own stages`, async () => {
    const stages = all.filter((i) => i.name === "FROM").map((i) => i.text.split(" AS ")[1]);
    for (const { name, text } of all) {
      if (name !== "COPY") continue;
      const stage = /--from=(\w+)/.exec(text)?.[1];
      if (stage !== undefined) assert.ok(stages.includes(stage), text);
      else {
        const source = text.replaceAll(/--\S+ /g, "").split(" ")[0];
        await Deno.stat(new URL(`../../${source}`, import.meta.url));
      }
    }
  });
}
