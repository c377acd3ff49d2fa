// needs: net read=tests/scratch write=tests/scratch

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { KnownPeersNotices, openHistory } from "../../../lib/chat/app/run_files.ts";
import { makeEarlyPresenter } from "../../../lib/chat/app/setup.ts";
import { plainIo } from "../../../lib/os/io.ts";
import { TestIo } from "../../commands/test_io.ts";
import { MAY_WRITE, Scratch } from "../../fixtures/scratch.ts";

const ignore = !MAY_WRITE;

function terminal(): TestIo {
  return new TestIo({ columns: 80, keyboard: true });
}

Deno.test({
  name: "openHistory() creates no file without an input line at a terminal",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const history = scratch.file("lines");
    for (
      const [io, json] of [
        [new TestIo(), false],
        [new TestIo({ columns: 80 }), false],
        [new TestIo({ keyboard: true }), false],
        [terminal(), true],
        [plainIo(terminal()), false],
      ] as const
    ) {
      const notices = new KnownPeersNotices(io, await makeEarlyPresenter(io, json));
      assertEquals(await openHistory({ io, json, history }, notices), undefined);
    }
    assertEquals(await scratch.names(), []);
  },
});

Deno.test({
  name: "openHistory() reads earlier lines and appends those that isKept() allows",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const history = await scratch.write("lines", "one\\ntwo\n\nthree\n");
    const io = terminal();
    const notices = new KnownPeersNotices(io, await makeEarlyPresenter(io, false));
    {
      await using lines = await openHistory({ io, json: false, history }, notices);
      assertEquals(lines?.earlier, ["one\ntwo", "three"]);
      for (const line of ["four", "/msg bo psst", "a\\b"]) lines?.keep(line);
    }
    assertEquals(await scratch.read("lines"), "one\\ntwo\n\nthree\nfour\na\\\\b\n");
    assertEquals(io.out, "");
  },
});

Deno.test({
  name: "openHistory() reports once that a line cannot be written",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const io = terminal();
    const notices = new KnownPeersNotices(io, await makeEarlyPresenter(io, false));
    const history = scratch.file("lines");
    const lines = await openHistory({ io, json: false, history }, notices);
    // A closed file stands for a full disk.
    await lines?.[Symbol.asyncDispose]();
    lines?.keep("one");
    lines?.keep("two");
    await io.until("out", /\n/);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(io.out.trimEnd().split("\n").length, 1);
    assertStringIncludes(io.out, `! cannot write ${history}: `);
    assertStringIncludes(io.out, "; lines that you enter may be missing from the history");
  },
});
