import { Failure, nearest } from "../../lib/base/failure.ts";
import { helpPage } from "../../lib/cli/help.ts";
import { parseCommandLine } from "../../lib/cli/run.ts";
import { commandLine, type CommandSpec } from "../../lib/cli/spec.ts";
import { PROGRAM } from "../../lib/commands/load.ts";
import { PARLEY } from "../../lib/commands/table.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

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
  assertStringIncludes(page, "Permissions that the command keeps if granted: --allow-net\n");
});

Deno.test("helpPage() of every command fits into 100 columns, and shows no empty default", () => {
  const pages = [...helpPages([PARLEY])];
  assert(pages.length > 35, `${pages.length} pages`);
  for (const page of pages) {
    assertEquals(page.split("\n").filter((line) => line.length > 100), []);
    assert(!/\(default ?\)/.test(page), page);
  }
});

function* helpPages(path: readonly CommandSpec[]): Generator<string> {
  yield helpPage(path);
  for (const command of path.at(-1)!.commands ?? []) yield* helpPages([...path, command]);
}

Deno.test("parseCommandLine() names the nearest command and option", async () => {
  await refused(["sreve"], 'no command "sreve"', "did you mean tool serve?");
  await refused(["serve", "--prot", "1"], 'no option "--prot"', "did you mean --port?");
  await refused(["serve", "-1"], 'no option "-1"', "put -- before");
  await assertRejects(
    () => parseCommandLine(PARLEY, ["info", "byteorder", "-1"]),
    Failure,
    'no option "-1"',
  ).then(({ hint }) => assertEquals(hint, "N is not below zero"));
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
  assertEquals(await whatOf("--x"), 'no option "--x": tool does not have it');
  assertEquals(await whatOf("serve", "--x"), 'no option "--x": tool serve does not have it');
  assertEquals(await whatOf("serve", "a", "b"), 'serve: "b" is an unexpected argument');
  assertEquals(await whatOf("--", "a"), 'the command line: "a" is an unexpected argument');
});

Deno.test("parseCommandLine() accepts --version with every command, without its operands", async () => {
  const needy = { name: "needy", summary: "", operands: [{ name: "X", help: "" }] };
  const root = { ...ROOT, commands: [needy] };
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
  await refused(["serve", "a", "b"], '"b" is an unexpected argument');
});

Deno.test("parseCommandLine() says how a value that starts with a dash is given", async () => {
  await refused(["serve", "--name", "-5"], 'needs NAME, and "-5" starts', "--name=-5");
  await refused(["serve", "--name", "-a b"], "starts with a dash", "--name='-a b'");
  const given = await parseCommandLine(ROOT, ["serve", "--name=-5"]);
  assertEquals(given.options.name, "-5");
  await refused(["serve", "-p", "-3"], '"-3" is not a whole number from 0 to 65535');
  await refused(["serve", "--json=yes"], "--json: it does not take a value", 'leave "=yes" out');
});

Deno.test("parseCommandLine() keeps an empty value with its option", async () => {
  const { options, operands } = await parseCommandLine(ROOT, ["serve", "--name", "", "--allow="]);
  assertEquals([options.name, options.allow, operands], ["", [""], []]);
  await refused(["serve", "--port", ""], "needs a whole number from 0 to 65535");
  await refused(["serve", "--name"], "needs NAME");
});

/** Commands whose values are hosts and files. */
const FORMS: CommandSpec = {
  name: "tool",
  summary: "",
  commands: [{
    name: "ask",
    summary: "",
    operands: [{ name: "HOST", form: "host", optional: true, help: "" }],
    options: {
      host: { type: "text", value: "HOST", form: "host", default: "127.0.0.1", help: "" },
      port: { type: "integer", value: "PORT", min: 1, max: 65_535, default: 80, help: "" },
      key: { type: "text", value: "FILE", form: "file", help: "" },
      as: { type: "text", value: "HOST", form: "address", repeat: true, help: "" },
    },
  }, {
    name: "send",
    summary: "",
    operands: [{ name: "HOST", form: "host", help: "" }],
  }],
};

Deno.test("parseCommandLine() reads HOST:PORT as the host and the option --port", async () => {
  for (const args of [["[::1]:5000"], ["--host", "[::1]:5000"], ["[::1]:5000", "--port=5000"]]) {
    const { options, operands } = await parseCommandLine(FORMS, ["ask", ...args]);
    assertEquals([operands[0] ?? options.host, options.port], ["::1", 5000]);
  }
  const plain = await parseCommandLine(FORMS, ["ask", "[::1]", "--as", "[::1]:5", "--as", "b"]);
  assertEquals(plain.operands, ["::1"]);
  assertEquals([plain.options.port, plain.options.as], [80, ["[::1]:5", "b"]]);
});

Deno.test("parseCommandLine() refuses values that cannot be a host or a file", async () => {
  const refuse = async (...args: string[]) => {
    const failure = await assertRejects(() => parseCommandLine(FORMS, args), Failure);
    assertEquals([failure.code, failure.exitCode], ["USAGE", 2]);
    return failure.message;
  };
  const hosts = [
    "",
    " ",
    "a b",
    "a..b",
    "[a]",
    "[::1",
    "::1::",
    ":80",
    "a:",
    "a:0",
    "a:70000",
    "a/b",
  ];
  hosts.push("x".repeat(64), `${"x.".repeat(127)}x`, "http://a/", "a\nb", "*", "-a b");
  for (const host of hosts) {
    assertStringIncludes(await refuse("ask", "--", host), "cannot read the address");
    assertStringIncludes(await refuse("ask", `--host=${host}`), "cannot read the address");
    assertStringIncludes(await refuse("ask", `--as=${host}`), "cannot read the address");
  }
  assertStringIncludes(await refuse("ask", "--key", ""), "--key: the name of a file is empty");
  assertStringIncludes(
    await refuse("ask", "a:5", "--port", "6"),
    "it gives port 5, and --port gives 6",
  );
  assertStringIncludes(await refuse("send", "a:5"), "a port is not allowed here");
});

Deno.test("parseCommandLine() suggests the command, the option or the place that was meant", async () => {
  const hintOf = async (...args: string[]) =>
    (await assertRejects(() => parseCommandLine(PROGRAM, args), Failure)).hint;
  assertEquals(await hintOf("ping"), "did you mean parley info ping?");
  assertEquals(await hintOf("client"), "did you mean parley chat client?");
  assertEquals(await hintOf("rsa", "bench"), "did you mean parley udp bench?");
  assertEquals(await hintOf("help"), "did you mean parley --help?");
  assertEquals(await hintOf("help", "chat"), "did you mean parley chat --help?");
  assertEquals(await hintOf("chat", "help"), "did you mean parley chat --help?");
  assertEquals(await hintOf("version"), "did you mean parley --version?");
  assertEquals(await hintOf("constructor"), "parley --help shows the usage");
  for (const port of [["--port", "5000"], ["--port=5000"], ["-p", "5000"], ["-p5000"]]) {
    assertEquals(
      await hintOf("chat", "client", ...port),
      "write the port after the host: HOST:5000",
    );
  }
  assertStringIncludes((await hintOf("info", "ping", "a", "--port"))!, "HOST:PORT");
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

Deno.test("nearest() finds slips and prefixes only", () => {
  assertEquals(nearest("cl", ["client", "server"]), "client");
  assertEquals(nearest("sevrer", ["client", "server"]), "server");
  assertEquals(nearest("xyzzyxyzzy", ["client", "server"]), undefined);
});
