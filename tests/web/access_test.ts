// needs: net run=chromium read=tests/scratch write=tests/scratch (about 60 s)

/**
 * The page for everyone: with the keyboard alone, on a narrow screen, with a screen reader, in light and dark.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import axe from "axe-core/axe.min.js" with { type: "text" };
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Meeting, Visitor, WebRoom } from "./room.ts";

const ignore = !HAS_CHROMIUM;

/** What axe finds wrong with a page: a line for each fault. */
async function faultsOf(visitor: Visitor): Promise<unknown> {
  await visitor.page.evaluate(axe);
  // What fades in has its contrast in the end.
  await visitor.evaluates(
    `Promise.allSettled(document.getAnimations().map((one) => one.finished))`,
  );
  return await visitor.evaluates(`axe.run().then(({ violations }) => violations.flatMap((one) =>
    one.nodes.map((node) => one.id + ": " + node.html.slice(0, 200) + " " + node.failureSummary)))`);
}

/** Whether anything is wider than the screen. */
async function overflow(visitor: Visitor): Promise<unknown> {
  return await visitor.evaluates(`[...document.querySelectorAll("body *")].filter((one) =>
    !one.closest(".unseen") && one.getBoundingClientRect().right > innerWidth + 0.5)
    .map((one) => one.outerHTML.slice(0, 120)).concat(
      document.documentElement.scrollWidth > innerWidth ? ["the page scrolls"] : [])`);
}

for (const scheme of ["light", "dark"] as const) {
  Deno.test({
    name: `axe finds no fault in the form, the room, its menu and its dialogs: ${scheme}`,
    ignore,
    async fn() {
      await using room = await WebRoom.open();
      await using chromium = await Chromium.start();
      const dark = scheme === "dark";
      await using ada = await Visitor.open(chromium, room.url, { dark });
      await ada.page.waitForSelector("input[name=name]");
      assertEquals(await faultsOf(ada), []);
      await ada.enters("ada");
      await using bo = await room.join("bo");
      await using cy = await room.join("cy");
      await ada.sees("cy joined");
      await ada.says("to everyone");
      await ada.says("/msg bo to bo only");
      bo.session.send("to ada only", "ada");
      cy.session.send("hello ada");
      cy.session.send(`/me ${"waves ".repeat(600)}`);
      await ada.sees("waves");
      await ada.says("/nothing");
      await ada.says("/exclude cy");
      await ada.says("not to cy");
      await ada.sees("not to cy", ".own small");
      assertEquals(await faultsOf(ada), []);
      await ada.page.focus(".composer textarea");
      await ada.page.keyboard.sendCharacter("/");
      await ada.page.waitForSelector(".completions");
      await ada.page.keyboard.press("ArrowDown");
      assertEquals(await faultsOf(ada), []);
      await ada.page.keyboard.press("Backspace");
      await ada.page.click(".menu");
      assertEquals(await faultsOf(ada), []);
      await ada.page.keyboard.press("Escape");
      await ada.asksWho("bo");
      await ada.page.waitForSelector(".who .groups");
      assertEquals(await faultsOf(ada), []);
      await ada.page.keyboard.press("Escape");
      room.offline = true;
      room.cut();
      await ada.page.waitForSelector(".status.lost");
      assertEquals(await faultsOf(ada), []);
      room.offline = false;
      await ada.isIn();
      await ada.says("/quit");
      await ada.page.waitForSelector(".ended");
      assertEquals(await faultsOf(ada), []);
    },
  });
}

Deno.test({
  name: "at a width of 320 pixels nothing is cut off and nothing scrolls sideways",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    const narrow = { width: 320, height: 568 };
    await using ada = await Visitor.open(chromium, room.url, narrow);
    await ada.asks("a d a");
    await ada.sees("this name cannot be used", `[role="alert"]`);
    // The reason is in view, and the field has the focus.
    await ada.waits(`document.activeElement.name === "name"`);
    const { top, bottom } = await ada.evaluates(
      `document.querySelector("[role=alert]").getBoundingClientRect().toJSON()`,
    ) as DOMRect;
    assertEquals([top >= 0, bottom <= 568], [true, true]);
    assertEquals(await overflow(ada), []);
    await ada.enterInto("name", "ada");
    await ada.isIn();
    const long = "W".repeat(32);
    await using bo = await room.join(long);
    await ada.sees(`${long} joined`);
    bo.session.send("w".repeat(500));
    bo.session.send("to you", "ada");
    await ada.sees("to you");
    await ada.says(`/msg ${long} to you only`);
    await ada.says("/who");
    await ada.says("/help");
    await ada.sees("//TEXT – send a text");
    await ada.sees("/verify NAME [yes/no] – compare");
    assertEquals(await overflow(ada), []);
    // The keyboard of a phone takes half of the screen.
    await ada.page.setViewport({ width: 320, height: 300 });
    await ada.waits(`document.querySelector(".scrolled").clientHeight < 250`);
    await ada.waits(`(({ scrollHeight, scrollTop, clientHeight }) =>
      scrollHeight - scrollTop - clientHeight < 2)(document.querySelector(".scrolled"))`);
    await ada.page.setViewport(narrow);
    await ada.page.keyboard.sendCharacter("/");
    await ada.page.waitForSelector(".completions");
    assertEquals(await overflow(ada), []);
    await ada.page.keyboard.press("Backspace");
    await ada.page.click(".menu");
    assertEquals(await overflow(ada), []);
    await ada.page.keyboard.press("Escape");
    await ada.presses("2 here");
    assertEquals(await overflow(ada), []);
    await ada.asksWho(long);
    await ada.page.waitForSelector(".who .groups");
    assertEquals(await overflow(ada), []);
    // Each group of the safety number is on one line.
    const heights = `[...document.querySelectorAll(".groups span")].map((one) => one.offsetHeight)`;
    assertEquals(await ada.evaluates(`Math.max(...${heights}) < 40`), true);
    await ada.presses(`Write to ${long}`);
    await ada.page.waitForSelector(".composer.private");
    assertEquals(await overflow(ada), []);
  },
});

Deno.test({
  name:
    "a person can join, complete names, write privately, verify and leave by the keyboard alone",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.open(chromium, room.url);
    const { keyboard } = ada.page;
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await keyboard.press(key as Parameters<typeof keyboard.press>[0]);
    };
    const focused = () =>
      ada.evaluates(`document.activeElement.closest("button")?.textContent.trim() ?? ""`);
    /** Presses Tab until the focused element contains a text. */
    const tabTo = async (text: string) => {
      for (let i = 0; i < 20; i++) {
        await press("Tab");
        if (String(await focused()).includes(text)) return;
      }
      throw new Error(`Tab does not reach "${text}"`);
    };
    await ada.page.waitForSelector("input[name=name]");
    await keyboard.sendCharacter("ada");
    await press("Tab", "Tab", "Tab");
    assertEquals(await focused(), "Join");
    await press("Enter");
    await ada.isIn();
    await using bo = await room.join("bo");
    await ada.sees("bo joined");
    // The input line has the focus.
    await keyboard.sendCharacter("hello");
    await press("Enter");
    await bo.hears("hello");
    await keyboard.sendCharacter("/ms");
    await ada.page.waitForSelector(".completions");
    await press("Tab");
    await keyboard.sendCharacter("b");
    await press("Tab");
    await keyboard.sendCharacter("for bo");
    await press("Enter");
    await bo.hears("for bo");
    await press("ArrowUp", "ArrowUp", "End");
    await keyboard.sendCharacter(" again");
    await press("Enter");
    await bo.hears("hello again");
    await tabTo("bo");
    await press("Enter");
    await ada.page.waitForSelector(".who .groups");
    await tabTo("The numbers match");
    await press("Enter");
    await ada.sees("bo is verified");
    await press("Escape");
    await ada.misses(".who");
    await tabTo("⋯");
    await press("Enter");
    await tabTo("Leave the room");
    await press("Enter");
    await ada.sees("you left the room", ".ended");
    await tabTo("Join again");
    await press("Enter");
    await ada.isIn();
  },
});

Deno.test({
  name: "a screen reader announces others' new messages and notices, not own or scrolled messages",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    const bo = await meeting.guest("bo");
    const region = `[aria-live="polite"][data-spoken]`;
    await ada.sees("bo joined", region);
    bo.session.send("spoken");
    await ada.sees("bo: spoken", region);
    bo.session.send("for you", "ada");
    await ada.sees("bo, to you only: for you", region);
    await ada.says("my own");
    await ada.sees("my own");
    assertEquals(String(await ada.text(region)).includes("my own"), false);
    assertEquals(
      await ada.evaluates(`document.querySelector(".scrolled").getAttribute("aria-live")`),
      "off",
    );
    room.offline = true;
    room.cut();
    await ada.sees("connection lost", `[role="status"]`);
    room.offline = false;
    await ada.isIn();
  },
});
