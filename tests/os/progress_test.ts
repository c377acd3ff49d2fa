import { Failure } from "../../lib/base/failure.ts";
import { Progress } from "../../lib/os/log.ts";
import type { OutputStream } from "../../lib/os/io.ts";
import { MemoryIo } from "../../lib/tour/console.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";

/** Standard errors that are a terminal. */
function terminal(writeSync: OutputStream["writeSync"]): { readonly errors: OutputStream } {
  return { errors: { ...new MemoryIo().errors, isTerminal: true, writeSync } };
}

/** What is drawn first, at a terminal, after the date was set by so much. */
async function firstDrawing(label: string, jumpMs: number): Promise<string> {
  const { now } = Date;
  const drawn = Promise.withResolvers<string>();
  const io = terminal((bytes) => {
    drawn.resolve(new TextDecoder().decode(bytes));
    return bytes.length;
  });
  try {
    using _progress = new Progress(io, label);
    Date.now = () => now() + jumpMs;
    return await drawn.promise;
  } finally {
    Date.now = now;
  }
}

Deno.test("setting the clock does not change how long work has taken", async () => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    assertMatch(await firstDrawing("making a key", jumpMs), /making a key, \d{1,2} s$/);
  }
});

Deno.test("work continues if its progress can no longer be drawn", async () => {
  const tried = Promise.withResolvers<void>();
  using progress = new Progress(
    terminal(() => {
      tried.resolve();
      throw new Failure({ what: "cannot write", why: "the terminal is gone", code: "EIO" });
    }),
    "making a key",
  );
  await tried.promise;
  progress.done();
});

Deno.test("progress is drawn at a terminal only", async () => {
  const io = new MemoryIo();
  using progress = new Progress(io, "making a key");
  await new Promise((resolve) => setTimeout(resolve, 300));
  progress.done();
  assertEquals(io.text, "");
});
