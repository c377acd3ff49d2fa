// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { Console } from "../../lib/tour/console.ts";
import { runLine, wordsOf } from "../../lib/tour/step.ts";
import { playTour } from "../../lib/tour/tour.ts";
import { writeAll } from "../../lib/write_all.ts";

const TOOL: CommandSpec = {
  name: "tool",
  summary: "",
  commands: [{
    name: "say",
    summary: "",
    operands: [{ name: "TEXT", help: "", rest: true }],
    permissions: [],
    load: () =>
      Promise.resolve({
        run({ operands }: { operands: readonly string[] }) {
          writeAll(Deno.stdout, `${operands.join("|")}\n`);
          return Promise.resolve(operands.includes("fail") ? 1 : 0);
        },
      }),
  }],
};

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
  using console = new Console(TOOL, ["net"]);
  const lines: string[] = [];
  const scene = { console, signal, prompt: (line: string) => void lines.push(line) };
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
  const options = { root: TOOL, kept: ["net"] as const, coloured: false, signal };
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
  const options = { root: TOOL, kept: ["net"] as const, coloured: false, pause: undefined };
  await assertRejects(
    () => playTour({ ...options, sections, signal: stop.signal }),
    Error,
    "stopped",
  );
});
