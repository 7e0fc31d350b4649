import assert from "node:assert/strict";
import fc from "fast-check";
import { commandIndex, type OptionSpec, parseArgs, ParsedArgs, UsageError } from "./args.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "config", short: "c", value: "PATH", help: "" },
  { name: "header", short: "H", value: "FIELD", repeat: true, help: "" },
  { name: "json", help: "" },
  { name: "format", value: "FORMAT", choices: ["lines", "shell"], conflicts: ["json"], help: "" },
];

function usage(...argv: string[]): string {
  try {
    parseArgs(argv, SPECS);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "accepted";
}

Deno.test("an option takes its value from the next argument, after = or glued to the letter", () => {
  for (const argv of [["--config", "a b"], ["--config=a b"], ["-c", "a b"], ["-ca b"]]) {
    assert.equal(parseArgs(argv, SPECS).get("config"), "a b", argv.join(" "));
  }
});

Deno.test("a value may look like an option", () => {
  assert.equal(parseArgs(["--config", "--json"], SPECS).get("config"), "--json");
});

Deno.test("a repeated option keeps every value in order", () => {
  assert.deepEqual(parseArgs(["-H", "a: 1", "--header=b: 2"], SPECS).all("header"), [
    "a: 1",
    "b: 2",
  ]);
});

Deno.test("what is left is positional, and everything is after --", () => {
  const args = parseArgs(["explain", "--json", "--", "--config", "-x"], SPECS);
  assert.deepEqual(args.positionals, ["explain", "--config", "-x"]);
  assert.equal(args.has("config"), false);
});

Deno.test("an unknown option is refused with what was meant", () => {
  assert.equal(usage("--confg", "x"), "unknown option --confg; did you mean --config?");
  assert.equal(usage("--zzzzzzzz"), "unknown option --zzzzzzzz");
  assert.equal(usage("-z"), "unknown option -z");
});

Deno.test("a missing value is refused", () => {
  assert.equal(usage("--config"), "--config needs a value: PATH");
});

Deno.test("a switch with a value is refused", () => {
  assert.equal(usage("--json=yes"), "--json takes no value");
});

Deno.test("a value outside a closed list is refused with the list", () => {
  assert.equal(usage("--format", "xml"), '--format is one of lines, shell, not "xml"');
});

Deno.test("options that exclude each other are refused in either order", () => {
  assert.equal(usage("--json", "--format", "shell"), "--format cannot be used with --json");
  assert.equal(usage("--format", "shell", "--json"), "--format cannot be used with --json");
});

Deno.test("an option that stands once is refused twice", () => {
  assert.equal(usage("-c", "a", "--config", "b"), "--config may be given only once");
});

Deno.test("any command line parses or is a usage error", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom("--", "-c", "--json"))), (argv) => {
      try {
        assert.ok(parseArgs(argv, SPECS) instanceof ParsedArgs);
      } catch (error) {
        assert.ok(error instanceof UsageError);
      }
    }),
  );
});

Deno.test("the command is the first argument that is no option and no option's value", () => {
  assert.equal(commandIndex(["--config", "explain", "--json", "schema", "x"], SPECS), 3);
  assert.equal(commandIndex(["-cexplain", "--config=y", "schema"], SPECS), 2);
  assert.equal(commandIndex(["--json"], SPECS), -1);
  assert.equal(commandIndex(["--"], SPECS), -1);
});
