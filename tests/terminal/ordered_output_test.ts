// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import { OrderedOutput } from "../../lib/terminal/terminal.ts";

/** A stream whose background writes wait until they are let go, three bytes at most at a time. */
class SlowStream {
  said = "";
  #waiting: (() => void)[] = [];

  write(bytes: Uint8Array): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.push(() => resolve(this.writeSync(bytes)));
    return promise;
  }

  writeSync(bytes: Uint8Array): number {
    const part = bytes.subarray(0, 3);
    this.said += new TextDecoder().decode(part);
    return part.length;
  }

  /** Does the background writes that have been asked for, until there are none. */
  async letGo(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("immediate writes never overtake background writes", async () => {
  const stream = new SlowStream();
  const output = new OrderedOutput(stream);
  output.writeSync(bytes("at once "));
  const written = output.write(bytes("the prompt "));
  output.writeSync(bytes("erased "));
  output.writeSync(bytes("and restored "));
  assertEquals(stream.said, "at once ");
  await stream.letGo();
  await written;
  assertEquals(stream.said, "at once the prompt erased and restored ");
});

Deno.test("flushed() waits for the writes queued behind a background write, and for nothing else", async () => {
  const stream = new SlowStream();
  const output = new OrderedOutput(stream);
  await output.flushed();
  output.write(bytes("one "));
  output.writeSync(bytes("two"));
  const flushed = output.flushed();
  await stream.letGo();
  await flushed;
  assertEquals(stream.said, "one two");
});

Deno.test("background writes come one after the other", async () => {
  const stream = new SlowStream();
  const output = new OrderedOutput(stream);
  const both = Promise.all([output.write(bytes("first ")), output.write(bytes("second"))]);
  await stream.letGo();
  await both;
  assertEquals(stream.said, "first second");
});

Deno.test("a stream that accepts no more fails its writer, and flushed() still ends", async () => {
  const output = new OrderedOutput({
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
    writeSync: (part) => part.length,
  });
  const written = output.write(bytes("x"));
  const failed = assertRejects(() => written, Deno.errors.BrokenPipe);
  await output.flushed();
  await failed;
});

Deno.test("hurry() waits for no background write, and writes what the end of a process needs", () => {
  const stream = new SlowStream();
  const output = new OrderedOutput(stream);
  output.write(bytes("never "));
  output.writeSync(bytes("restored "));
  output.hurry();
  output.writeSync(bytes("ended"));
  assertEquals(stream.said, "restored ended");
});
