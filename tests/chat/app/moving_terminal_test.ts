// needs: net run=deno,tmux read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Going to another room and back, and keeping a log, at terminals.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { FLAGS, MAY_WRITE, Scratch } from "../../fixtures/scratch.ts";
import { HAS_TMUX } from "../../terminal/tmux.ts";
import { serve } from "../trust/people.ts";
import { isAt, shows, startChat } from "./chat_pane.ts";

const ignore = !(HAS_TMUX && MAY_WRITE && granted("run=deno"));

/** A client at a terminal. */
const start = (columns: number, ...args: readonly string[]) =>
  startChat({ columns, flags: FLAGS }, "client", ...args);

Deno.test({
  name: "the prompt says in which room one is, and Tab completes the rooms of this run",
  ignore,
  async fn() {
    const { server, address } = await serve("--name", "ada", "--room", "garden");
    await using _server = server;
    await using bo = await start(100, `${address}/garden`, "--name", "bo");
    await bo.until("the prompt", isAt("[garden] bo>"));
    await bo.type("/join\n");
    await bo.until(
      "the room",
      shows("* you are in the room garden; /join ROOM goes to another one"),
    );
    await bo.type("/join kitchen\n");
    await bo.until("the other room", isAt("[kitchen] bo>"));
    await bo.until(
      "the start there",
      shows("* you are bo in the room kitchen; no one else is here yet"),
    );
    assertEquals((await server.event("left")).name, "bo");
    await bo.type("/join /\n");
    await bo.until("the room without a name", isAt("bo>"));
    await bo.until("its start", shows("* you are bo in the room without a name; no one else"));
    await bo.type("/jo");
    await bo.press("Tab");
    await bo.until("the command", isAt("bo> /join"));
    await bo.press("Tab");
    await bo.until("the rooms", shows("garden  kitchen"));
    await bo.type("g");
    await bo.press("Tab");
    await bo.until("the one room", isAt("bo> /join garden"));
    await bo.press("Enter");
    await bo.until("the way back", isAt("[garden] bo>"));
    await bo.until("who is there", shows("* you are bo in the room garden, with ada (new)"));
    await bo.type("hello\n");
    await server.event("message");
    await bo.until("the mark", isAt("[garden] bo ✓>"));
    await server.type("/msg bo psst\n");
    await bo.until("the line", shows("ada (to you only): psst"));
    assertMatch(await bo.tmux("display-message", "-p", "#T"), /^\(1\) parley: bo in garden$/m);
    await bo.type("/join two words\n");
    await bo.until("a refusal", shows("! usage: /join ROOM;"));
    await bo.until("the same prompt", isAt("[garden] bo ✓>"));
    await bo.type("/quit\n");
    await bo.until("the leaving", shows("left with 0"));
  },
});

Deno.test({
  name: "a long name of a room leaves room for what one types, in 40 columns",
  ignore,
  async fn() {
    const { server, address } = await serve("--relay-only");
    await using _server = server;
    await using bo = await start(40, `${address}/the-room-behind-the-kitchen`, "--name", "bo");
    await bo.until("the prompt", isAt("[the-room-behind-the…] bo>"));
    await bo.type("/join the-room-behind-the-garden\n");
    await bo.until("the start", shows("the-room-behind-the-garden;"));
    await bo.until("the prompt", isAt("[the-room-behind-the…] bo>"));
  },
});

Deno.test({
  name: "Tab completes the path of /log, with blanks and quotes, and what follows is kept",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await Deno.mkdir(scratch.file("our chats"));
    await scratch.write("our chats/old notes.log", "from before\n");
    await scratch.write(".hidden", "");
    const { server, address } = await serve("--name", "ada");
    await using _server = server;
    const root = new URL("../../../", import.meta.url).pathname;
    const inRoot = scratch.path.slice(root.length);
    await using bo = await start(140, address, "--name", "bo", "--files");
    await bo.until("the prompt", isAt("bo>"));
    await bo.type(`/log ${inRoot}/`);
    await bo.press("Tab");
    await bo.until("the directory, not the hidden file", isAt(`bo> /log ${inRoot}/our chats/`));
    await bo.press("Tab");
    const path = `${inRoot}/our chats/old notes.log`;
    await bo.until("the file", isAt(`bo> /log ${path}`));
    await bo.press("Enter");
    await bo.until("the log", shows("which whoever has it can read; /log off stops"));
    await server.type("hello\n");
    await bo.until("the line", shows("ada: hello"));
    await bo.type(`/log off\n`);
    await bo.until("the end", shows("nothing is kept of this chat from now on"));
    await server.type("off the record\n");
    await bo.until("the line", shows("ada: off the record"));
    await bo.type(`/log "${inRoot}/.h`);
    await bo.press("Tab");
    await bo.until("the hidden file", isAt(`bo> /log "${inRoot}/.hidden"`));
    await bo.press("C-u");
    // Where it may not read, Tab completes nothing and says nothing.
    await bo.type("/log docs/");
    await bo.press("Tab");
    await bo.type("x\n");
    await bo.until(
      "the refusal",
      shows("! cannot open docs/x: parley may not read files now; start"),
    );
    const kept = (await scratch.read("our chats/old notes.log")).trimEnd().split("\n");
    assertEquals(kept[0], "from before");
    const texts = kept.slice(1).map((line) => line.replace(/^[-\d]+ [:\d]+ (\d\d:\d\d )?/, ""));
    assertEquals(texts, [
      `* kept in ${path}, which whoever has it can read; /log off stops`,
      "ada: hello",
    ]);
  },
});
