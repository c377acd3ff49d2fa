// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { TerminalScreen } from "../../lib/chat/screen.ts";
import type { Terminal } from "../../lib/chat/terminal.ts";
import { until } from "./room.ts";

Deno.test("a screen says when what was printed has been drawn, so that it is not closed before", async () => {
  const decoder = new TextDecoder();
  const written: string[] = [];
  const slow = Promise.withResolvers<void>();
  let isWriting = false;
  const terminal: Terminal = {
    size: () => ({ columns: 80, rows: 24 }),
    setRaw: () => {},
    read: () => new Promise(() => {}),
    take: () => {},
    write: async (bytes) => {
      isWriting = true;
      await slow.promise;
      written.push(decoder.decode(bytes));
    },
    writeSync: (bytes) => void written.push(decoder.decode(bytes)),
    watch: () => () => {},
  };
  using screen = new TerminalScreen(terminal, { prompt: "> " });
  await screen.drawn();
  const before = written.length;
  screen.print("hello");
  let isDrawn = false;
  const drawn = screen.drawn().then(() => isDrawn = true);
  await until(() => isWriting, "it is being drawn");
  assertEquals([isDrawn, written.length], [false, before]);
  slow.resolve();
  await drawn;
  assertEquals(written.slice(before).some((text) => text.includes("hello")), true);
});
