/**
 * Arguments as a shell hands them over: which are options, which are values, which are operands.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/base/failure.ts";
import {
  ArgumentProblem,
  rawArgs,
  readListenPlace,
  readOptionWords,
  readPlace,
} from "../../lib/cli/words.ts";
import { parseCommandLine } from "../../lib/cli/run.ts";
import type { CommandSpec, OptionSpec } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";

const SPECS: Readonly<Record<string, OptionSpec>> = {
  quiet: { type: "flag", short: "q", help: "" },
  verbose: { type: "flag", short: "v", help: "" },
  message: { type: "text", short: "m", value: "TEXT", repeat: true, help: "" },
  count: { type: "integer", short: "c", value: "N", min: -9, max: 9, help: "" },
};

/** What the arguments were read as: options in their order, then operands. */
function read(...args: string[]): unknown[] {
  const words = readOptionWords(SPECS, args);
  if (words instanceof ArgumentProblem) return [words.reason, words.typed, words.next];
  const given = words.given.map(({ name, value }) => value === undefined ? name : [name, value]);
  return [...given, ...words.operands];
}

Deno.test("bundled letters are flags, and the last may take the rest as its value", () => {
  assertEquals(read("-qv"), ["quiet", "verbose"]);
  assertEquals(read("-qvm", "text"), ["quiet", "verbose", ["message", "text"]]);
  assertEquals(read("-qmtext", "x"), ["quiet", ["message", "text"], "x"]);
  assertEquals(read("-qm=text"), ["quiet", ["message", "text"]]);
  assertEquals(read("-mqv"), [["message", "qv"]]);
  assertEquals(read("-qc5"), ["quiet", ["count", "5"]]);
  assertEquals(read("-m-"), [["message", "-"]]);
  assertEquals(read("-m=a=b"), [["message", "a=b"]]);
});

Deno.test("a value may be empty, and stays with its option", () => {
  assertEquals(read("-m", ""), [["message", ""]]);
  assertEquals(read("-m="), [["message", ""]]);
  assertEquals(read("--message", "", "x"), [["message", ""], "x"]);
  assertEquals(read("--message="), [["message", ""]]);
  assertEquals(read("-qm", "", ""), ["quiet", ["message", ""], ""]);
});

Deno.test("a value that starts with a dash is attached, but a number for an option with numbers", () => {
  assertEquals(read("-m", "-5"), ["no value", "-m", "-5"]);
  assertEquals(read("-m=-5"), [["message", "-5"]]);
  assertEquals(read("--message=-5"), [["message", "-5"]]);
  assertEquals(read("-c", "-3"), [["count", "-3"]]);
  assertEquals(read("--count", "-.5"), [["count", "-.5"]]);
  assertEquals(read("-m", "-"), [["message", "-"]]);
  assertEquals(read("-m", "--", "x"), ["no value", "-m", "--"]);
  assertEquals(read("-qm"), ["no value", "-m", undefined]);
});

Deno.test("after -- every word is an operand, and a single dash always is", () => {
  assertEquals(read("a", "-", "--", "-q", "--", ""), ["a", "-", "-q", "--", ""]);
});

Deno.test("a flag takes no value, and what is no option is named as it was typed", () => {
  assertEquals(read("-q=1"), ["extra value", "-q", "1"]);
  assertEquals(read("--quiet="), ["extra value", "--quiet", ""]);
  assertEquals(read("-qx"), ["unknown", "-x", undefined]);
  assertEquals(read("-p5"), ["unknown", "-p", "5"]);
  assertEquals(read("-12"), ["unknown", "-12", "2"]);
  assertEquals(read("--no-quiet"), ["unknown", "--no-quiet", undefined]);
  assertEquals(read("--=x"), ["unknown", "--", "x"]);
});

Deno.test("names of properties that every object has are not options", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
    assertEquals(read(`--${name}`, "x"), ["unknown", `--${name}`, "x"]);
    assertEquals(read(`--${name}=x`), ["unknown", `--${name}`, "x"]);
    assertEquals(read(`--${name}.y=x`), ["unknown", `--${name}.y`, "x"]);
  }
});

/** How an option with a value can be written. */
const WRITTEN = [
  (value: string) => [`--message=${value}`],
  (value: string) => [`-m=${value}`],
  (value: string) => [`-qm=${value}`],
  (value: string) => value.startsWith("-") && value !== "-" ? [`-m=${value}`] : ["-m", value],
  (value: string) => value.startsWith("=") || value === "" ? [`-m=${value}`] : [`-m${value}`],
];

/** Texts, also such as a parser could take for something else. */
const TEXTS = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "-", "--", "=", "-5", "--message", "true", "false", "__proto__", "\n", "a=b"),
);

Deno.test("property: every value comes back as it was given, in its order, and so does every operand", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(TEXTS, fc.constantFrom(...WRITTEN))),
      fc.array(TEXTS),
      async (options, operands) => {
        const args = options.flatMap(([value, write]) => write(value));
        const raw = await rawArgs(SPECS, [...args, "--", ...operands]);
        assert(!(raw instanceof ArgumentProblem));
        assertEquals(raw.message, options.map(([value]) => value));
        assertEquals(raw._, operands);
      },
    ),
    { numRuns: 2000 },
  );
});

/** The words of every command of a table. */
function* paths(group: CommandSpec, above: readonly string[] = []): Generator<readonly string[]> {
  yield above;
  for (const command of group.commands ?? []) yield* paths(command, [...above, command.name]);
}

/** Every option of a table, as it is typed. */
function typedOptions(group: CommandSpec): string[] {
  const own = Object.entries(group.options ?? {}).flatMap(([name, { short }]) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  return [...own, ...(group.commands ?? []).flatMap(typedOptions)];
}

Deno.test("property: any arguments are either understood or wrong usage", async () => {
  const option = fc.constantFrom(...new Set(typedOptions(PARLEY)), "--help", "--constructor");
  const word = fc.oneof(
    option,
    fc.tuple(option, TEXTS).map(([name, value]) => `${name}=${value}`),
    fc.tuple(option, TEXTS).map(([name, value]) => name + value),
    TEXTS,
    fc.constantFrom("127.0.0.1", "127.0.0.1:80", "[::1]:80", "::1", "1060", "a b", "__proto__"),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths(PARLEY)),
      fc.array(word, { maxLength: 8 }),
      async (path, rest) => {
        try {
          const { options, operands } = await parseCommandLine(PARLEY, [...path, ...rest]);
          assertEquals(Object.getPrototypeOf(options), Object.prototype);
          for (const operand of operands) assertEquals(typeof operand, "string");
        } catch (error) {
          assertInstanceOf(error, Failure);
          assertEquals([error.code, error.exitCode], ["USAGE", 2]);
          assert(!error.message.includes("\n"), error.message);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("a port to listen on may be 0, and its failure says so", () => {
  assertThrows(() => readListenPlace(["80000"]), Failure, "a port is a number from 0 to 65535");
  assertThrows(() => readListenPlace(["::1", "80000"]), Failure, "from 0 to 65535");
  assertThrows(() => readPlace(["::1", "80000"]), Failure, "from 1 to 65535");
});
