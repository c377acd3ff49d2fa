// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { commandLine, parseCommandLine } from "../../lib/cli/parse.ts";
import { helpPage } from "../../lib/cli/help.ts";
import { nearest } from "../../lib/nearest.ts";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { Failure } from "../../lib/failure.ts";

const ROOT: CommandSpec = {
  name: "tool",
  summary: "A tool.",
  commands: [{
    name: "serve",
    summary: "Serves.",
    operands: [{ name: "HOST", help: "where", optional: true }],
    options: {
      port: {
        type: "integer",
        short: "p",
        value: "PORT",
        min: 0,
        max: 65_535,
        default: 80,
        help: "",
      },
      drop: { type: "number", value: "P", min: 0, max: 1, help: "" },
      name: { type: "text", value: "NAME", help: "" },
      as: { type: "text", value: "AS", choices: ["a", "b"], default: "a", help: "" },
      allow: { type: "text", value: "WHO", repeat: true, help: "" },
      json: { type: "flag", help: "" },
      log: { type: "text", value: "FILE", help: "Logs.", needs: ["read", "write"] },
      rules: { type: "text", value: "FILE", default: "none", help: "", needs: ["read"] },
      env: { type: "flag", help: "", needs: ["env"] },
    },
    permissions: ["net"],
    load: () => Promise.reject(new Error("not loaded by parsing")),
  }],
};

async function refused(args: string[], why: string, hint = ""): Promise<void> {
  const failure = await assertRejects(() => parseCommandLine(ROOT, args), Failure);
  assertEquals(failure.exitCode, 2);
  assertStringIncludes(failure.message, why);
  assertStringIncludes(failure.hint ?? "", hint);
}

Deno.test("parseCommandLine() finds the command, its options, defaults and operands", async () => {
  const parsed = await parseCommandLine(ROOT, [
    "serve",
    "-p",
    "8080",
    "--drop=0.5",
    "--json",
    "::1",
  ]);
  assertEquals(commandLine(parsed.path), "tool serve");
  assertEquals(parsed.operands, ["::1"]);
  assertEquals(parsed.options, {
    port: 8080,
    drop: 0.5,
    name: undefined,
    as: "a",
    allow: [],
    json: true,
    log: undefined,
    rules: "none",
    env: false,
    help: false,
    version: false,
    debug: false,
  });
});

Deno.test("parseCommandLine() collects a repeated option and takes operands as text", async () => {
  const parsed = await parseCommandLine(ROOT, [
    "serve",
    "--allow",
    "x",
    "--allow",
    "y",
    "--",
    "0x10",
  ]);
  assertEquals(parsed.options.allow, ["x", "y"]);
  assertEquals(parsed.operands, ["0x10"]);
});

Deno.test("parseCommandLine() keeps the permissions of the command and of the options given alone", async () => {
  const kept = async (...args: string[]) =>
    (await parseCommandLine(ROOT, ["serve", ...args])).permissions;
  assertEquals(await kept(), ["net"]);
  assertEquals(await kept("--port", "1", "--name", "a"), ["net"]);
  assertEquals(await kept("--log", "x"), ["net", "read", "write"]);
  assertEquals(await kept("--log=x", "--env"), ["net", "read", "write", "env"]);
  // Where the default is what was typed, it was given all the same.
  assertEquals(await kept("--rules", "none"), ["net", "read"]);
});

Deno.test("helpPage() says what permissions an option needs, and what is kept without", () => {
  const serve = ROOT.commands![0]!;
  const page = helpPage([ROOT, serve]);
  assertStringIncludes(page, "Logs. (needs --allow-read, --allow-write)\n");
  assertStringIncludes(page, "(default none; needs --allow-read)\n");
  assertStringIncludes(page, "Permissions kept while it runs, where granted: --allow-net\n");
});

Deno.test("parseCommandLine() names the nearest command and option", async () => {
  await refused(["sreve"], 'no command "sreve"', "did you mean tool serve?");
  await refused(["serve", "--prot", "1"], 'no option "--prot"', "did you mean --port?");
  await refused(["serve", "-1"], 'no option "-1"', "behind --");
  await refused(["serve", "--no-json"], 'no option "--no-json"');
  await refused(["zzzzzzzz"], 'no command "zzzzzzzz"', "tool --help");
});

Deno.test("parseCommandLine() names the program once: what fails is of a command, or of the command line", async () => {
  const whatOf = async (...args: string[]) =>
    (await assertRejects(() => parseCommandLine(ROOT, args), Failure)).message.replace(
      " (USAGE)",
      "",
    );
  assertEquals(await whatOf("x"), 'no command "x": the commands of tool are serve');
  assertEquals(await whatOf("--x"), 'no option "--x": tool takes none such');
  assertEquals(await whatOf("serve", "--x"), 'no option "--x": tool serve takes none such');
  assertEquals(await whatOf("serve", "a", "b"), 'serve: "b" is one argument too many');
  assertEquals(await whatOf("--", "a"), 'the command line: "a" is one argument too many');
});

Deno.test("parseCommandLine() takes --version of every command, which then needs no operands", async () => {
  const needy = { name: "needy", summary: "", operands: [{ name: "X", help: "" }] };
  const root = { ...ROOT, commands: [{ ...needy, load: ROOT.commands![0]!.load! }] };
  for (const args of [["needy", "--version"], ["needy", "-V"], ["-V"]]) {
    assertEquals((await parseCommandLine(root, args)).options.version, true);
  }
});

Deno.test("parseCommandLine() refuses values out of bounds and says the bounds", async () => {
  await refused(["serve", "--port", "65536"], '"65536" is not a whole number from 0 to 65535');
  await refused(["serve", "--port", "1.5"], "whole number");
  await refused(["serve", "--port", "0x50"], "whole number");
  await refused(["serve", "--port"], "needs a whole number");
  await refused(["serve", "--drop", "2"], "a number from 0 to 1");
  await refused(["serve", "--as", "c"], '"c" is not one of a, b');
  await refused(["serve", "--name", "a", "--name", "b"], "given more than once");
  await refused(["serve", "a", "b"], '"b" is one argument too many');
});

Deno.test("parseCommandLine() never repeats a control character of its input", async () => {
  const failure = await assertRejects(() => parseCommandLine(ROOT, ["\x1b[2J"]), Failure);
  assertStringIncludes(failure.message, "␛[2J");
});

Deno.test("parseCommandLine() reads a line without options as one with them", async () => {
  const bare = await parseCommandLine(ROOT, ["serve", "::1"]);
  // Behind -- stands nothing: the same line, but read by the package for options.
  const read = await parseCommandLine(ROOT, ["serve", "::1", "--"]);
  assertEquals({ ...bare, path: bare.path.length }, { ...read, path: read.path.length });
});

Deno.test("nearest() guesses slips and prefixes, not anything", () => {
  assertEquals(nearest("cl", ["client", "server"]), "client");
  assertEquals(nearest("sevrer", ["client", "server"]), "server");
  assertEquals(nearest("xyzzyxyzzy", ["client", "server"]), undefined);
});
