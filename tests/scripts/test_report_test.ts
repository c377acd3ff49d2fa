// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { readCounts, readFailures } from "../../scripts/test/report.ts";

/** A report with a test that prints lines like those of a report itself. */
const FAILED = [
  "running 2 tests from ./tests/a_test.ts",
  "one ... \x1b[0m\x1b[32mok\x1b[0m \x1b[0m\x1b[38;5;245m(1ms)\x1b[0m",
  "ok | 7 passed | 0 failed (1s)",
  "two ... \x1b[0m\x1b[31mFAILED\x1b[0m (2s)",
  "",
  "\x1b[0m\x1b[1m\x1b[37m\x1b[41m ERRORS \x1b[0m",
  "",
  "two => ./tests/a_test.ts:13:8",
  "error: Error: bo never came",
  "",
  "\x1b[0m\x1b[31mFAILED\x1b[0m | 1 passed | 1 failed | 3 ignored \x1b[38;5;245m(3s)\x1b[0m",
  "",
].join("\n");

Deno.test("the counts of a group are read from the last line of its report", () => {
  assertEquals(readCounts(FAILED), { passed: 1, failed: 1, ignored: 3 });
  assertEquals(readCounts("ok | 5 passed (2 steps) | 0 failed (1s)\n"), {
    passed: 5,
    failed: 0,
    ignored: 0,
  });
  assertEquals(readCounts("error: Module not found\n"), undefined);
});

Deno.test("readFailures() returns the failure part of a report, or its last lines if it has none", () => {
  assertEquals(
    readFailures(FAILED),
    [
      " ERRORS ",
      "",
      "two => ./tests/a_test.ts:13:8",
      "error: Error: bo never came",
      "",
      "FAILED | 1 passed | 1 failed | 3 ignored (3s)",
    ].join("\n"),
  );
  assertEquals(readFailures("a\nb\nerror: Module not found\n", 2), "b\nerror: Module not found");
});
