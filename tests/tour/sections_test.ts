// needs: net (about 10 s)

/**
 * The sections of the tour that need the network alone, played before whoever looks on at terminals of every width,
 * with colours and without.
 *
 * @module
 */

import { loadCommand } from "../../lib/commands/load.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { unstyled } from "../../lib/terminal/terminal.ts";
import { MemoryIo } from "../../lib/tour/console.ts";
import { loadSections } from "../../lib/tour/sections.ts";
import { playTour } from "../../lib/tour/tour.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";

/** Plays a section: what was to be seen of it, with its colours. */
async function play(name: string, columns: number | undefined, coloured: boolean) {
  let shown = "";
  const io = new MemoryIo({ columns, coloured, printed: (text) => void (shown += text) });
  const failed = await playTour({
    io,
    root: PARLEY,
    load: loadCommand,
    kept: ["net"],
    sections: await loadSections(name),
    pause: undefined,
    signal: new AbortController().signal,
  });
  assertEquals(failed, 0, shown);
  return shown;
}

for (const columns of [undefined, 24, 40, 80, 200]) {
  for (const coloured of [false, true]) {
    const where = columns === undefined ? "in a pipe" : `at ${columns} columns`;
    Deno.test(`the tour's steps do what they say ${where}${coloured ? ", in colours" : ""}`, async () => {
      for (const name of ["address", "byteorder", "service", "udp", "forgery", "tcp"]) {
        const shown = await play(name, columns, coloured);
        assertEquals(shown !== unstyled(shown), coloured, name);
      }
    });
  }
}

Deno.test("the tour's chat fits 40 columns, in colours, behind the labels of its members", async () => {
  const lines = unstyled(await play("chat", 40, true)).split("\n");
  assertEquals(lines.filter((line) => line.length > 40), []);
  assert(lines.includes("  ada │ bo: the secret of the day"));
  assert(lines.includes("      │ with: parley chat client"), lines.join("\n"));
});

Deno.test("a step that fails is said to, in colours too", async () => {
  const io = new MemoryIo({ coloured: true });
  const [section] = await loadSections("address");
  const step = { says: "It fails.", play: () => Promise.reject(new Error("as it must")) };
  const failed = await playTour({
    io,
    root: PARLEY,
    load: loadCommand,
    kept: ["net"],
    sections: [{ ...section!, steps: [step] }],
    pause: undefined,
    signal: new AbortController().signal,
  });
  assertEquals(failed, 1);
  assert(io.text.includes("this step failed: as it must\n"), io.text);
});
