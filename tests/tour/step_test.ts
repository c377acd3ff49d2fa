import { printLines } from "../../lib/cli/output.ts";
import type { CommandSpec, RunCommand } from "../../lib/cli/spec.ts";
import { type Io, ReaderGone } from "../../lib/os/io.ts";
import { Console, MemoryIo } from "../../lib/tour/console.ts";
import { playTour, runLine, type Scene, untilAborted, wordsOf } from "../../lib/tour/tour.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

const TOOL: CommandSpec = {
  name: "tool",
  summary: "",
  commands: [{
    name: "say",
    summary: "",
    operands: [{ name: "TEXT", help: "", rest: true }],
    permissions: [],
  }],
};

function say({ operands }: { operands: readonly string[] }, io: Io): Promise<number> {
  printLines(io, [operands.join("|")]);
  return Promise.resolve(operands.includes("fail") ? 1 : 0);
}

const load = (): Promise<RunCommand> => Promise.resolve(say);

const signal = new AbortController().signal;

Deno.test("wordsOf() takes a quoted argument as one", () => {
  assertEquals(wordsOf(`parley chat client "a b" 'c d' --name bo`), [
    "chat",
    "client",
    "a b",
    "c d",
    "--name",
    "bo",
  ]);
});

Deno.test("runLine() is done only with the exit code and the output that are expected", async () => {
  const viewer = { columns: undefined, coloured: false, show: () => {} };
  const console = new Console(TOOL, load, ["net"], viewer);
  const lines: string[] = [];
  const scene = {
    start: (args: readonly string[]) => console.start(args),
    signal,
    prompt: (line: string) => void lines.push(line),
  };
  await runLine(scene, "tool say a b", { patterns: [/^a\|b$/m] });
  await runLine(scene, "tool say fail", { patterns: [/^fail$/m], code: 1 });
  await assertRejects(
    () => runLine(scene, "tool say fail", { patterns: [] }),
    Error,
    "tool say fail ended with 1, not with 0",
  );
  await assertRejects(
    () => runLine(scene, "tool say a", { patterns: [/b/] }),
    Error,
    "tool say a did not print /b/",
  );
  assertEquals(lines.length, 4);
});

Deno.test("playTour() counts the steps that fail, goes on after them, and clears their setting away", async () => {
  const seen: string[] = [];
  const step = (name: string, error?: Error) => ({
    says: name,
    play: () => {
      seen.push(name);
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  });
  const setting = () => {
    seen.push("set");
    return Promise.resolve({
      [Symbol.asyncDispose]: () => {
        seen.push("cleared");
        return Promise.resolve();
      },
    });
  };
  const sections = [
    { name: "one", title: "One", setting, steps: [step("a", new Error("no")), step("b")] },
    { name: "two", title: "Two", steps: [step("c")] },
  ];
  const pause = () => Promise.resolve(void seen.push("pause"));
  const options = { io: new MemoryIo(), root: TOOL, load, kept: ["net"] as const, signal };
  assertEquals(await playTour({ ...options, sections, pause }), 1);
  assertEquals(seen, ["set", "a", "pause", "b", "cleared", "pause", "c"]);
});

Deno.test("playTour() ends at once when it is stopped", async () => {
  const stop = new AbortController();
  const play = () => {
    stop.abort(new Error("stopped"));
    return Promise.reject(new Error("in the midst of it"));
  };
  const sections = [{
    name: "one",
    title: "One",
    steps: [{ says: "a", play }, { says: "b", play }],
  }];
  const io = new MemoryIo();
  const options = { io, root: TOOL, load, kept: ["net"] as const, pause: undefined };
  await assertRejects(
    () => playTour({ ...options, sections, signal: stop.signal }),
    Error,
    "stopped",
  );
});

Deno.test("playTour() ends at once when it is stopped while it waits for Enter", async () => {
  const stop = new AbortController();
  const step = { says: "a", play: () => Promise.resolve() };
  const pause = () => {
    stop.abort(new Error("stopped"));
    return new Promise<void>(() => {});
  };
  const io = new MemoryIo();
  const sections = [{ name: "one", title: "One", steps: [step, step] }];
  const options = { io, root: TOOL, load, kept: ["net"] as const, sections, signal: stop.signal };
  await assertRejects(() => playTour({ ...options, pause }), Error, "stopped");
});

Deno.test("playTour() fails no step for how long it takes: after a silence it says that it waits", async () => {
  const noticed = Promise.withResolvers<void>();
  const io = new MemoryIo({
    columns: 30,
    coloured: true,
    printed: (text) => text.includes("waiting") ? noticed.resolve() : undefined,
  });
  const steps = [
    { says: "a", play: ({ signal }: Scene) => untilAborted(noticed.promise, signal) },
    { says: "b", play: () => Promise.resolve() },
  ];
  const sections = [{ name: "one", title: "One", steps }];
  const options = { io, root: TOOL, load, kept: ["net"] as const, pause: undefined, signal };
  assertEquals(await playTour({ ...options, sections, quietMs: 1 }), 0);
  const [before, after] = io.text.split("(still waiting for this step;\nCtrl-C ends the tour)\n");
  assertEquals(before, "\nOne\n\n1/2  a\n");
  assertEquals(after, "\n2/2  b\n\nall 2 steps succeeded\n");
});

Deno.test("playTour() ends where the notice that it waits can no longer be shown", async () => {
  const gone = new ReaderGone({ what: "cannot write", why: "nobody reads it", code: "EPIPE" });
  const io = new MemoryIo({
    printed: (text) => {
      if (text.includes("waiting")) throw gone;
    },
  });
  const play = ({ signal }: Scene) => untilAborted(new Promise<void>(() => {}), signal);
  const sections = [{ name: "one", title: "One", steps: [{ says: "a", play }] }];
  const options = { io, root: TOOL, load, kept: ["net"] as const, pause: undefined, signal };
  const error = await assertRejects(() => playTour({ ...options, sections, quietMs: 1 }));
  assertEquals(error, gone);
});

Deno.test("playTour() ends at once when it can no longer be shown", async () => {
  const gone = new ReaderGone({ what: "cannot write", why: "nobody reads it", code: "EPIPE" });
  const io = new MemoryIo({
    printed: (text) => {
      if (text.startsWith("said")) throw gone;
    },
  });
  const seen: string[] = [];
  const steps = [{
    says: "a",
    play: async ({ start, signal }: Scene) => {
      seen.push("a");
      // The command's own write fails, and nothing that it would say is waited for.
      await start(["say", "said"]).ended;
      await untilAborted(new Promise(() => {}), signal);
    },
  }, { says: "b", play: () => Promise.resolve(void seen.push("b")) }];
  const sections = [{ name: "one", title: "One", steps }];
  const options = {
    io,
    root: TOOL,
    load,
    kept: ["net"] as const,
    pause: undefined,
    sections,
    signal,
  };
  assertEquals(await assertRejects(() => playTour(options)), gone);
  assertEquals(seen, ["a"]);
});
