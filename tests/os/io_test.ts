import { Failure } from "../../lib/base/failure.ts";
import { ProcessOutput, ReaderGone, writeAll, writeError } from "../../lib/os/io.ts";
import { MemoryIo } from "../../lib/tour/console.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

/** An output of the runtime's that fails with these errors, one a write, and then takes two bytes a write. */
function failing(...errors: Error[]) {
  let written = "";
  const writeSync = (bytes: Uint8Array) => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    const part = bytes.subarray(0, 2);
    written += new TextDecoder().decode(part);
    return part.length;
  };
  const write = (bytes: Uint8Array) => Promise.try(writeSync, bytes);
  return { write, writeSync, isTerminal: () => false, written: () => written };
}

function noSpace(): Error {
  return Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
}

const BYTES = new Uint8Array([0x61]);

Deno.test("an output that is full says so, in words that people and programs can use", async () => {
  const output = () => new ProcessOutput(failing(noSpace()), "standard output");
  const failures = [
    assertThrows(() => output().writeSync(BYTES), Failure),
    await assertRejects(() => output().write(BYTES), Failure),
  ];
  for (const failure of failures) {
    assertEquals(
      failure.message,
      "cannot write to standard output: no space is left on the device (ENOSPC)",
    );
    assert(!(failure instanceof ReaderGone));
  }
});

Deno.test("an output without a reader is distinguished from one that fails", async () => {
  const output = () =>
    new ProcessOutput(failing(new Deno.errors.BrokenPipe("Broken pipe")), "standard output");
  const failures = [
    assertThrows(() => output().writeSync(BYTES), ReaderGone),
    await assertRejects(() => output().write(BYTES), ReaderGone),
  ];
  assertEquals(failures.map(({ code, exitCode }) => [code, exitCode]), [["EPIPE", 1], [
    "EPIPE",
    1,
  ]]);
});

Deno.test("a pipe that is full and does not block is waited for, and nothing is lost", async () => {
  const full = () => new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
  const stream = failing(full(), full());
  writeAll(new ProcessOutput(stream, "standard output"), "grüße");
  assertEquals(stream.written(), "grüße");
  const other = failing(full(), full());
  assertEquals(await new ProcessOutput(other, "standard output").write(BYTES), 1);
  assertEquals(other.written(), "a");
});

Deno.test("writeError() continues if standard error cannot be written to, and hides no fault of the program", () => {
  const errors = new ProcessOutput(failing(noSpace()), "standard error");
  writeError({ errors }, "text");
  const broken = { ...new MemoryIo().errors, writeSync: () => raise(new RangeError("a fault")) };
  assertThrows(() => writeError({ errors: broken }, "text"), RangeError, "a fault");
});

function raise(error: Error): never {
  throw error;
}

Deno.test("MemoryIo keeps what is printed without colours, on either output, in order", async () => {
  let shown = "";
  const io = new MemoryIo({ coloured: true, printed: (text) => void (shown += text) });
  writeAll(io.output, "\x1b[1mone\x1b[22m\n");
  writeError(io, "two\n");
  await io.output.write(new TextEncoder().encode("three\n"));
  assertEquals(io.text, "one\ntwo\nthree\n");
  assertEquals(shown, "\x1b[1mone\x1b[22m\ntwo\nthree\n");
  assertEquals([io.output.coloured, io.errors.coloured], [true, false]);
});
