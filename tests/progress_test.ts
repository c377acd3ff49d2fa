// @ts-types="../types/std_assert.d.ts"
import { assertMatch } from "@std/assert";
import { Progress } from "../lib/progress.ts";

/** What is drawn first, at a standard error that says it is a terminal, after the date was set by so much. */
async function firstDrawing(label: string, jumpMs: number): Promise<string> {
  const { stderr } = Deno;
  const { isTerminal, writeSync } = stderr;
  const { now } = Date;
  const drawn = Promise.withResolvers<string>();
  stderr.isTerminal = () => true;
  stderr.writeSync = (bytes) => {
    drawn.resolve(new TextDecoder().decode(bytes));
    return bytes.length;
  };
  try {
    using _progress = new Progress(label);
    Date.now = () => now() + jumpMs;
    return await drawn.promise;
  } finally {
    Date.now = now;
    stderr.isTerminal = isTerminal;
    stderr.writeSync = writeSync;
  }
}

Deno.test("how long work has gone on is not changed by a clock that is set in between", async () => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    assertMatch(await firstDrawing("making a key", jumpMs), /making a key, \d{1,2} s$/);
  }
});
