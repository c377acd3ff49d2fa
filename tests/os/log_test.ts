// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Log, LOG_LEVELS, LogSink, logValue } from "../../lib/os/log.ts";

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

/** A file on a disk with room for so many bytes, in writes of three bytes at most. */
function disk(room: number) {
  const written: number[] = [];
  return {
    room,
    get text() {
      return new TextDecoder().decode(new Uint8Array(written));
    },
    write(bytes: Uint8Array): Promise<number> {
      if (this.room === 0) return Promise.reject(new Error("no space left on device"));
      const taken = [...bytes.subarray(0, Math.min(3, this.room))];
      this.room -= taken.length;
      written.push(...taken);
      return Promise.resolve(taken.length);
    },
  };
}

Deno.test("a log that cannot be written drops whole lines, counts them and continues later", async () => {
  const target = disk(8);
  const told: number[] = [];
  const sink = new LogSink(target, (lines) => told.push(lines));
  for (const line of ["one\n", "two\n", "three\n", "four\n"]) sink.write(line);
  await sink.flushed;
  assertEquals([target.text, sink.dropped, told], ["one\ntwo\n", 2, []]);
  target.room = 2;
  sink.write("five\n");
  await sink.flushed;
  assertEquals([target.text, sink.dropped], ["one\ntwo\nfi", 3]);
  sink.write("six\n");
  await sink.flushed;
  assertEquals(sink.dropped, 4);
  target.room = 1000;
  sink.write("seven\n");
  await sink.flushed;
  assertEquals([target.text, told], ["one\ntwo\nfi\nseven\n", [4]]);
  sink.write("eight\n");
  await sink.flushed;
  assertEquals([sink.dropped, told], [4, [4]]);
});

Deno.test("a log whose reader does not read keeps a bounded number of lines and drops the others", async () => {
  const stuck = Promise.withResolvers<number>();
  const sink = new LogSink({ write: () => stuck.promise }, () => {});
  const line = `${"x".repeat(1023)}\n`;
  sink.write(line);
  await undefined;
  await undefined;
  for (let i = 0; i < 1030; i++) sink.write(line);
  assertEquals(sink.dropped, 6);
  stuck.resolve(line.length);
});
