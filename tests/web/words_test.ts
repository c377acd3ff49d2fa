// needs: net run=chromium,deno,tmux read=tests/scratch write=tests/scratch (about 40 s)

/**
 * Comparing words at a page: with another page and with a terminal, until both have confirmed them, and where they
 * differ.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { startServer } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { HAS_TMUX, Pane, type Shown } from "../terminal/tmux.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Meeting, Visitor } from "./room.ts";

/** The words about which a page asks. The conversation has them as well. */
async function wordsAt(visitor: Visitor, name: string): Promise<string> {
  await visitor.sees(`Do you and ${name} see the same words?`, ".words");
  const words = await visitor.text(".words b");
  assertMatch(words, /^[a-z]+( {2}[a-z]+){3}$/);
  await visitor.sees(`the words of you and ${name} are\n    ${words}`);
  return words;
}

/** How a page lists a member. */
function listed(visitor: Visitor, name: string): Promise<unknown> {
  return visitor.evaluates(
    `[...document.querySelectorAll(".people li")]
      .find((one) => one.textContent.includes(${
      JSON.stringify(name)
    })).querySelector("small").textContent`,
  );
}

Deno.test({
  name: "two pages show the same four words, and verify each other once both have confirmed them",
  ignore: !HAS_CHROMIUM,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.page("bo");
    await ada.asksWho("bo");
    await ada.presses("Compare four words instead");
    await ada.misses(".who");
    await bo.sees("ada wants to compare words with you");
    const words = await wordsAt(ada, "bo");
    assertEquals(await wordsAt(bo, "ada"), words);
    await ada.presses("Yes: verify");
    await ada.sees("bo is verified");
    await ada.misses(".words");
    await ada.sees("bo has not confirmed the words yet");
    await bo.sees("ada has confirmed the words; if you see the same ones: /verify ada yes");
    assertEquals(await listed(bo, "ada"), "not verified");
    await bo.presses("Yes: verify");
    await bo.misses(".words");
    await ada.sees("you and bo have both confirmed the words");
    await bo.sees("you and ada have both confirmed the words");
    assertEquals(await listed(ada, "bo"), "✓ verified");
    assertEquals(await listed(bo, "ada"), "✓ verified");
  },
});

Deno.test({
  name: "words that differ raise an alarm on both pages and verify nobody",
  ignore: !HAS_CHROMIUM,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.page("bo");
    await ada.says("/verify bo");
    const first = await wordsAt(ada, "bo");
    await wordsAt(bo, "ada");
    await bo.presses("No, they differ");
    const alarm = ".scrolled .note.alarm";
    await bo.sees("THE WORDS OF YOU AND ada DIFFER: someone may be between you", alarm);
    // What it leads to is read where the focus is.
    await bo.waits(`document.activeElement.matches(".scrolled")`);
    await bo.misses(".words");
    await ada.misses(".words");
    await ada.sees("bo SAYS THAT THE WORDS DIFFER: someone may be between you", alarm);
    await ada.sees("bo SAYS THAT THE WORDS DIFFER", "[data-spoken]");
    assertEquals(await listed(ada, "bo"), "not verified");
    assertEquals(await listed(bo, "ada"), "not verified");
    await ada.says("/verify bo yes");
    await ada.sees("nothing of bo is shown for you to compare");
    // Another attempt has other words.
    await ada.says("/clear");
    await ada.misses(".scrolled .note");
    await ada.says("/verify bo");
    assertNotEquals(await wordsAt(ada, "bo"), first);
  },
});

function shows(text: string): (shown: Shown) => boolean {
  return ({ rows }) => rows.some((row) => row.includes(text));
}

Deno.test({
  name: "a page and a terminal show the same four words, confirm them, and warn if they differ",
  ignore: !HAS_CHROMIUM || !HAS_TMUX || !granted("run=deno"),
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only");
    await using _server = server;
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `http://${address}/`, "ada");
    await using terminal = await Pane.open(100, 24, "NO_COLOR=1");
    terminal.plain = true;
    const client =
      `deno run $KEYS --no-prompt --allow-net main.ts chat client ${address} --name bo`;
    await terminal.type(`clear; ${client}\n`);
    await ada.sees("bo joined");
    await terminal.type("/verify ada\n");
    await ada.sees("bo wants to compare words with you");
    const words = await wordsAt(ada, "bo");
    await terminal.until("the same words", shows(words));
    await ada.says("/verify bo yes");
    await terminal.until("news of it", shows("* ada has confirmed the words; if you see the same"));
    await terminal.type("/verify ada yes\n");
    await ada.sees("you and bo have both confirmed the words");
    await terminal.until("both", shows("* you and ada have both confirmed the words"));
    assertEquals(await listed(ada, "bo"), "✓ verified");

    await ada.says("/verify bo");
    await terminal.until("new words", shows("ada wants to compare words with you"));
    const others = await wordsAt(ada, "bo");
    await terminal.until("those words", shows(others));
    await terminal.type("/verify ada no\n");
    await terminal.until("the alarm", shows("! THE WORDS OF YOU AND ada DIFFER"));
    await ada.sees("bo SAYS THAT THE WORDS DIFFER", ".scrolled .note.alarm");
    await terminal.type("/quit\n");
    await ada.sees("bo left");
  },
});
