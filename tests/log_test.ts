// @ts-types="../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Log, LOG_LEVELS, logValue } from "../lib/log.ts";

function lines(level: typeof LOG_LEVELS[number] | undefined): { log: Log; written: string[] } {
  const written: string[] = [];
  return { log: new Log(level, (line) => written.push(line), () => 1_800_000_000_000), written };
}

Deno.test("a line of the log has its time, its level, its event and its fields", () => {
  const { log, written } = lines("info");
  const fields = { name: "ada l.", port: 4396, from: "[::1]:5000", detail: undefined };
  log.write("info", "joined", fields);
  assertEquals(written, [
    'time=2027-01-15T08:00:00.000Z level=info event=joined name="ada l." port=4396 from=[::1]:5000\n',
  ]);
});

Deno.test("a level writes itself and what matters more", () => {
  const count = (level: typeof LOG_LEVELS[number] | undefined) => {
    const { log, written } = lines(level);
    for (const one of LOG_LEVELS) log.write(one, "x");
    return written.length;
  };
  assertEquals([undefined, ...LOG_LEVELS].map(count), [0, 1, 2, 3, 4]);
});

Deno.test("whatever a value is, it stays on its line, in its place, and printable", () => {
  assertEquals(logValue('a"b\x1b[2J\n'), '"a\\"b␛[2J␊"');
  assertEquals(logValue(""), '""');
  const anything = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.string());
  fc.assert(fc.property(anything, (text) => {
    const value = logValue(text);
    // deno-lint-ignore no-control-regex -- controls are what must not be there
    assertEquals(/[\x00-\x1f\x7f-\x9f\u2028\u202e]/.test(value), false, value);
    assertEquals(/^(?:[^\s"=]+|"(?:[^"\\]|\\.)*")$/u.test(value), true, value);
  }));
});
