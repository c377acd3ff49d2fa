import { Output } from "../../lib/os/streams.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";

/** A writer that writes when it is told to, three bytes at a time. */
class SlowWriter {
  written = "";
  #gate = Promise.withResolvers<void>();
  readonly #decoder = new TextDecoder();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate.promise;
    const length = Math.min(3, bytes.length);
    this.written += this.#decoder.decode(bytes.subarray(0, length), { stream: true });
    return length;
  }

  open(): void {
    this.#gate.resolve();
  }
}

Deno.test("Output counts as shown what has been written, not what was printed", async () => {
  const writer = new SlowWriter();
  const marks: number[] = [];
  const output = new Output(writer, (mark) => marks.push(mark));
  output.print(["one"], 1);
  output.print(["two", "three"], 2);
  await new Promise((resolve) => setTimeout(resolve, 1));
  output.print([], 3);
  assertEquals(marks, []);
  const caughtUp = output.caughtUp();
  writer.open();
  await caughtUp;
  assertEquals(marks, [2, 3]);
  assertEquals(writer.written, "one\ntwo\nthree\n");
  assertEquals(output.caughtUp(), undefined);
});

Deno.test("Output shows what is printed at the moment at which it had nothing left to write", async () => {
  const writer = new SlowWriter();
  writer.open();
  const marks: number[] = [];
  const output = new Output(writer, (mark) => {
    marks.push(mark);
    // In the turns in which the write under way comes to its end.
    let wait = Promise.resolve();
    for (let turns = mark; turns < 10 && mark < 10; turns++) wait = wait.then(() => {});
    if (mark < 10) wait.then(() => output.print([`line ${mark + 1}`], mark + 1));
  });
  output.print(["line 1"], 1);
  while (marks.length < 10) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(marks, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

Deno.test("Output keeps why it cannot write, and waits for nothing then", async () => {
  const error = new Deno.errors.BrokenPipe("gone");
  const output = new Output({ write: () => Promise.reject(error) }, () => {});
  output.print(["one"], 1);
  await output.caughtUp();
  assertEquals(output.failure, { error });
  output.print(["two"], 2);
  assertEquals(output.caughtUp(), undefined);
});

Deno.test("Output waits for no write after nothing was printed, and shows a mark that comes without lines", async () => {
  const marks: number[] = [];
  const output = new Output({ write: (bytes) => Promise.resolve(bytes.length) }, (mark) => {
    marks.push(mark);
  });
  output.print([]);
  assertEquals(output.caughtUp(), undefined);
  output.print([], 1);
  await output.caughtUp();
  assertEquals(marks, [1]);
});
