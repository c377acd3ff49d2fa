// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { CommandModule, CommandSpec } from "../../lib/cli/spec.ts";
import { Failure } from "../../lib/failure.ts";
import { Console } from "../../lib/tour/console.ts";
import { writeAll } from "../../lib/write_all.ts";

function command(name: string, run: CommandModule["run"]): CommandSpec {
  return { name, summary: "", permissions: [], load: () => Promise.resolve({ run }) };
}

const TOOL: CommandSpec = {
  name: "tool",
  summary: "",
  commands: [
    command("echo", async () => {
      for await (const bytes of Deno.stdin.readable) await Deno.stdout.write(bytes);
      return 3;
    }),
    command("wait", async () => {
      const interrupted = Promise.withResolvers<number>();
      const handler = () => interrupted.resolve(130);
      Deno.addSignalListener("SIGINT", handler);
      writeAll(Deno.stdout, "waiting\n");
      const code = await interrupted.promise;
      Deno.removeSignalListener("SIGINT", handler);
      return code;
    }),
    command("fail", () => Promise.reject(new Failure({ what: "a", why: "b", code: "C" }))),
  ],
};

const NEVER = new AbortController().signal;
const hidden = { shown: false };

Deno.test("Console runs a command with an input of its own, and keeps what it prints", async () => {
  using console = new Console(TOOL, ["net"]);
  const job = console.start(["echo"], hidden);
  await job.type("one\n");
  await job.until(/^one$/m, NEVER);
  await job.type("two\n");
  await job.endInput();
  assertEquals([await job.ended, job.said], [3, "one\ntwo\n"]);
});

Deno.test("Console keeps two commands apart that run at the same time", async () => {
  using console = new Console(TOOL, ["net"]);
  const [a, b] = [console.start(["echo"], hidden), console.start(["echo"], hidden)];
  await Promise.all([a.type("for a\n"), b.type("for b\n")]);
  await Promise.all([a.endInput(), b.endInput(), a.ended, b.ended]);
  assertEquals([a.said, b.said], ["for a\n", "for b\n"]);
});

Deno.test("Console interrupts the one command that is meant", async () => {
  using console = new Console(TOOL, ["net"]);
  const [a, b] = [console.start(["wait"], hidden), console.start(["wait"], hidden)];
  await Promise.all([a, b].map((job) => job.until(/waiting/, NEVER)));
  a.interrupt();
  assertEquals(await a.ended, 130);
  const undecided = Promise.resolve("still waiting");
  assertEquals(await Promise.race([b.ended, undecided]), "still waiting");
  b.interrupt();
  assertEquals(await b.ended, 130);
});

Deno.test("Console keeps an interrupt for a command that does not listen yet", async () => {
  using console = new Console(TOOL, ["net"]);
  const job = console.start(["wait"], hidden);
  job.interrupt();
  assertEquals(await job.ended, 130);
});

Deno.test("Console prints a failure as the program does, and gives its exit code", async () => {
  using console = new Console(TOOL, ["net"]);
  const failed = console.start(["fail"], hidden);
  assertEquals([await failed.ended, failed.said], [1, "parley: a: b (C)\n"]);
  const wrong = console.start(["fial"], hidden);
  assertEquals(await wrong.ended, 2);
  assertStringIncludes(wrong.said, "hint: did you mean tool fail?\n");
});

Deno.test("Job.until() fails where the command ends without it, and where it is aborted", async () => {
  using console = new Console(TOOL, ["net"]);
  const ended = console.start(["fail"], hidden);
  await assertRejects(() => ended.until(/never/, NEVER), Error, "it ended without printing");
  const job = console.start(["wait"], hidden);
  const stop = new AbortController();
  const waiting = job.until(/never/, stop.signal);
  stop.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
  job.interrupt();
  await job.ended;
});

Deno.test("Console gives the process its own streams back", () => {
  const { stdin, stdout, stderr, addSignalListener, removeSignalListener } = Deno;
  new Console(TOOL, ["net"])[Symbol.dispose]();
  assertEquals(
    [stdin, stdout, stderr, addSignalListener, removeSignalListener].map((one, i) =>
      one ===
        [Deno.stdin, Deno.stdout, Deno.stderr, Deno.addSignalListener, Deno.removeSignalListener][i]
    ),
    [true, true, true, true, true],
  );
});
