// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { EXAMPLES } from "../../scripts/test/groups.ts";
import {
  durationText,
  expectedSeconds,
  groupLine,
  progressLine,
  type Standing,
  startLine,
} from "../../scripts/test/progress.ts";
import { countEnded } from "../../scripts/test/report.ts";

const STANDING: Standing = {
  groups: 13,
  done: 4,
  failed: 0,
  running: [{ name: "core", tests: 41 }, { name: "docs", tests: 3 }],
  seconds: 125,
};

Deno.test("startLine() tells the number of groups and about how long they take", () => {
  const group = (seconds: number) => ({ ...EXAMPLES, seconds });
  assertEquals(
    startLine([group(90), group(200)], 2),
    "2 groups of tests: about 4 minutes on two idle cores",
  );
  assertEquals(startLine([group(30)], 2), "1 group of tests: less than a minute on two idle cores");
  assertEquals(expectedSeconds([group(10), group(90), group(200)], 2), 200);
  assertEquals(expectedSeconds([group(100), group(100), group(100)], 2), 150);
});

Deno.test("groupLine() tells how a group ended and how many groups have ended", () => {
  assertEquals(
    groupLine("files", { passed: 40, failed: 1, ignored: 2 }, STANDING),
    "files: 40 passed, 1 failed, 2 skipped (4 of 13 groups, 2m05s)",
  );
});

Deno.test("progressLine() tells the progress of the groups and is shorter than the terminal is wide", () => {
  assertEquals(progressLine(STANDING, 80), "2m05s  4 of 13 groups done; now core 41, docs 3");
  assertEquals(
    progressLine({ ...STANDING, failed: 2 }, 80),
    "2m05s  4 of 13 groups done, 2 failed; now core 41, docs 3",
  );
  assertEquals(progressLine(STANDING, 20).length, 19);
});

Deno.test("countEnded() counts the tests that have ended by the lines of their report", () => {
  const lines = [
    "running 2 tests from ./tests/a_test.ts",
    "one ... \x1b[0m\x1b[32mok\x1b[0m \x1b[0m\x1b[38;5;245m(1ms)\x1b[0m",
    "two ... \x1b[0m\x1b[31mFAILED\x1b[0m (2s)",
    "three ... \x1b[33mignored\x1b[0m (0ms)",
    "four ...",
    "an ok that is no test's",
  ];
  assertEquals(countEnded(lines), 3);
});

Deno.test("durationText() shows minutes and seconds", () => {
  assertEquals([4.4, 59.6, 61, 600].map(durationText), ["4s", "1m00s", "1m01s", "10m00s"]);
});
