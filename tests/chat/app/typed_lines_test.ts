import { setUpConversation, type SetupOptions } from "../../../lib/chat/app/setup.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import type { Io } from "../../../lib/os/io.ts";
import type { Input } from "../../../lib/os/streams.ts";
import { mostReactions } from "../../fixtures/reactions.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert } from "@std/assert";

/** A terminal without escape codes, at which nothing is typed. */
function plainTerminal(): Io {
  const output = {
    isTerminal: true,
    dumb: true,
    coloured: false,
    columns: 80,
    size: { columns: 80, rows: 24 },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    writeSync: (bytes: Uint8Array) => bytes.length,
  };
  const keyboard = { setRaw: () => {}, read: () => Promise.resolve(null) };
  return {
    input: { chunks: () => new ReadableStream(), keyboard },
    output,
    errors: output,
    onSignal: () => ({ [Symbol.dispose]: () => {} }),
  };
}

Deno.test("a typed line leaves nothing with a promise that lives as long as the chat", async () => {
  const LINES = 500;
  const read = Promise.withResolvers<void>();
  async function* typed(): AsyncGenerator<Input, void> {
    for (let i = 0; i < LINES; i++) yield { kind: "line", text: `line ${i}` };
    read.resolve();
  }
  const options: SetupOptions = {
    io: plainTerminal(),
    input: typed(),
    json: false,
    commands: false,
    wire: false,
    name: "ada",
    lasting: false,
    stay: false,
    giveUpMs: 1000,
    trust: new Trust({ known: KnownPeers.parse("") }),
  };
  const most = await mostReactions(async () => {
    await using setup = await setUpConversation(options, () => {});
    assert(setup.atTerminal);
    await read.promise;
  });
  assert(most < 10, `one promise got ${most} reactions for ${LINES} lines`);
});
