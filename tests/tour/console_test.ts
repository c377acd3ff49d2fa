import { Failure } from "../../lib/base/failure.ts";
import { printLines } from "../../lib/cli/output.ts";
import type { CommandSpec, RunCommand } from "../../lib/cli/spec.ts";
import { StopSignals } from "../../lib/os/io.ts";
import { makeStyle } from "../../lib/terminal/terminal.ts";
import { Console } from "../../lib/tour/console.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

const CODE: Readonly<Record<string, RunCommand>> = {
  async echo(_, { input, output }) {
    for await (const bytes of input.chunks()) await output.write(bytes);
    return 3;
  },
  async wait(_, io) {
    using signals = new StopSignals(io);
    printLines(io, ["waiting"]);
    return await signals.stopped;
  },
  paint(_, io) {
    const { red } = makeStyle(io.output.coloured);
    printLines(io, [`${red("red")} ${io.output.columns}`, "one two three four five"]);
    return Promise.resolve(0);
  },
  fail: () => Promise.reject(new Failure({ what: "a", why: "b", code: "C" })),
};

const TOOL: CommandSpec = {
  name: "tool",
  summary: "",
  commands: Object.keys(CODE).map((name) => ({ name, summary: "", permissions: [] })),
};

function load([name = ""]: readonly string[]): Promise<RunCommand> {
  return Promise.resolve(CODE[name]!);
}

const NEVER = new AbortController().signal;

/** A console, and all that it shows. */
function open(page: { columns?: number; coloured?: boolean } = {}): [Console, () => string] {
  let shown = "";
  const show = (text: string) => void (shown += text);
  const viewer = { columns: page.columns, coloured: page.coloured ?? false, show };
  return [new Console(TOOL, load, ["net"], viewer), () => shown];
}

Deno.test("Console runs a command with an input of its own, and keeps and shows what it prints", async () => {
  const [console, shown] = open();
  const job = console.start(["echo"]);
  await job.type("one\n");
  await job.until(/^one$/m, NEVER);
  await job.type("two\n");
  await job.endInput();
  assertEquals([await job.ended, job.said, shown()], [3, "one\ntwo\n", "one\ntwo\n"]);
});

Deno.test("Console keeps two commands apart that run at the same time", async () => {
  const [console] = open();
  const [a, b] = [console.start(["echo"]), console.start(["echo"])];
  await Promise.all([a.type("for a\n"), b.type("for b\n")]);
  await Promise.all([a.endInput(), b.endInput(), a.ended, b.ended]);
  assertEquals([a.said, b.said], ["for a\n", "for b\n"]);
});

Deno.test("Console interrupts the one command that is meant", async () => {
  const [console] = open();
  const [a, b] = [console.start(["wait"]), console.start(["wait"])];
  await Promise.all([a, b].map((job) => job.until(/waiting/, NEVER)));
  a.interrupt();
  assertEquals(await a.ended, 130);
  const undecided = Promise.resolve("still waiting");
  assertEquals(await Promise.race([b.ended, undecided]), "still waiting");
  b.interrupt();
  assertEquals(await b.ended, 130);
});

Deno.test("Console keeps an interrupt for a command that does not listen yet", async () => {
  const [console] = open();
  const job = console.start(["wait"]);
  job.interrupt();
  assertEquals(await job.ended, 130);
});

Deno.test("Console prints a failure as the program does, and gives its exit code", async () => {
  const [console] = open();
  const failed = console.start(["fail"]);
  assertEquals([await failed.ended, failed.said], [1, "parley: a: b (C)\n"]);
  const wrong = console.start(["fial"]);
  assertEquals(await wrong.ended, 2);
  assertStringIncludes(wrong.said, "hint: did you mean tool fail?\n");
});

Deno.test("Console shows a command's colours, and keeps what it says without them", async () => {
  const [console, shown] = open({ columns: 40, coloured: true });
  const job = console.start(["paint"]);
  assertEquals(await job.ended, 0);
  assertEquals(job.said, "red 40\none two three four five\n");
  assertEquals(shown(), "\x1b[31mred\x1b[39m 40\none two three four five\n");
});

Deno.test("Console sets what a command prints behind its label, and wraps it there", async () => {
  const [console, shown] = open({ columns: 20 });
  const job = console.start(["paint"], { label: " a │ " });
  assertEquals(await job.ended, 0);
  assertEquals(job.said, "red 15\none two three four five\n");
  assertEquals(shown(), " a │ red 15\n a │ one two three\n   │ four five\n");
});

Deno.test("Console shows what a command has not ended with a line feed behind its label too", async () => {
  const [console, shown] = open();
  const job = console.start(["echo"], { label: " a │ " });
  for (const text of ["on", "e\ntw", "o"]) await job.type(text);
  await job.endInput();
  await job.ended;
  assertEquals([job.said, shown()], ["one\ntwo", " a │ one\n a │ two\n"]);
});

Deno.test("Job.until() fails where the command ends without it, and where it is aborted", async () => {
  const [console] = open();
  const ended = console.start(["fail"]);
  await assertRejects(() => ended.until(/never/, NEVER), Error, "it ended without printing");
  const job = console.start(["wait"]);
  const stop = new AbortController();
  const waiting = job.until(/never/, stop.signal);
  stop.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
  job.interrupt();
  await job.ended;
});
