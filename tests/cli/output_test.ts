import { Failure } from "../../lib/base/failure.ts";
import {
  jsonEvent,
  printFailure,
  printJson,
  printLines,
  reportingFailure,
  say,
  tellProgram,
  timeFormat,
} from "../../lib/cli/output.ts";
import { ReaderGone } from "../../lib/os/io.ts";
import { MemoryIo } from "../../lib/tour/console.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";

const FAILURE = new Failure({ what: "cannot a", why: "b\x1b", code: "C", hint: "d" });
const SAID = { event: "greeted", fields: { who: "\u202e" }, lines: ["hello", "there"] };

Deno.test("lines, values and events are each printed on lines of their own, fit for a terminal", () => {
  const io = new MemoryIo();
  printLines(io, []);
  printLines(io, ["a", "b"]);
  printJson(io, { text: "\x1b" });
  say(io, SAID, false);
  assertEquals(io.text, `a\nb\n{"text":"\\u001b"}\nhello\nthere\n`);
});

Deno.test("an event is one line of JSON: its name, the time, and its fields", () => {
  const io = new MemoryIo();
  say(io, SAID, true);
  const { at, ...rest } = JSON.parse(io.text);
  assertEquals(rest, { event: "greeted", who: "\u202e" });
  assertMatch(at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertMatch(jsonEvent("a", { b: 1 }), /^{"event":"a","at":"[^"]+","b":1}$/);
  assertMatch(jsonEvent("a", { b: undefined }), /^{"event":"a","at":"[^"]+"}$/);
});

Deno.test("timeFormat() formats by ISO 8601, within a second and over its end, and before 1970 and after 9999", () => {
  const format = timeFormat();
  for (
    const start of [0, -1, 1_700_000_000_000, 253_402_300_799_000, 2 ** 48 - 1, -62_198_755_200_000]
  ) {
    for (const more of [0, 1, 9, 10, 99, 100, 998, 999, 1000, 1001, 0, 61_005]) {
      assertEquals(format(start + more), new Date(start + more).toISOString());
    }
  }
});

Deno.test("a failure is one event for programs, and then reaches the command line", async () => {
  for (
    const [json, exitCode, events] of [[true, 1, 1], [true, 2, 1], [true, 130, 0], [
      false,
      1,
      0,
    ]] as const
  ) {
    const io = new MemoryIo();
    const { what, why, code } = FAILURE;
    const failure = new Failure({ what, why, code, exitCode });
    const failed = () => reportingFailure(io, json, () => Promise.reject(failure));
    assertStrictEquals(await assertRejects(failed), failure);
    if (json) tellProgram(io, failure); // has no effect a second time
    const told = io.text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    assertEquals(
      told.map(({ event, code, message }) => [event, code, message]),
      Array.from({ length: events }, () => ["error", "C", "cannot a: b\x1b"]),
    );
  }
});

Deno.test("a failure stays the same if its event cannot be printed", async () => {
  const gone = new ReaderGone({ what: "cannot write", why: "nobody reads it", code: "EPIPE" });
  const io = new MemoryIo({
    printed: () => {
      throw gone;
    },
  });
  const failed = () => reportingFailure(io, true, () => Promise.reject(FAILURE));
  assertStrictEquals(await assertRejects(failed), FAILURE);
});

Deno.test("printFailure() prints a line and a hint, nothing of them raw, and with debug the stack", () => {
  const io = new MemoryIo();
  printFailure(io, FAILURE);
  assertEquals(io.text, "parley: cannot a: b␛ (C)\nhint: d\n");
  printFailure(io, new Failure({ ...FAILURE, cause: new RangeError("below") }), true);
  assertMatch(io.text, /\nFailure: cannot a[^]*\nCaused by: RangeError: below\n/);
});

Deno.test("printFailure() prints nothing if the reader of the output has gone", () => {
  const io = new MemoryIo();
  printFailure(io, new ReaderGone({ what: "cannot write", why: "nobody reads it", code: "EPIPE" }));
  assertEquals(io.text, "");
});
