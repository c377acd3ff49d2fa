// needs: net run=chromium read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Notifications of a page: of what is for the person alone, while the person looks elsewhere, and without any text.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Visitor, WebRoom } from "./room.ts";

/** Makes the page note what it asks the browser to show. */
const RECORD = `globalThis.shown = [];
  globalThis.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      shown.push({ title, ...options });
    }
  };`;

/** Opens a page whose notifications are recorded, and joins a room. */
async function join(chromium: Chromium, url: string): Promise<Visitor> {
  const visitor = await Visitor.open(chromium, "about:blank");
  await visitor.page.evaluateOnNewDocument(RECORD);
  await visitor.page.goto(url);
  await visitor.enters("ada");
  return visitor;
}

/** What the page has asked the browser to show. */
function shownBy(visitor: Visitor): Promise<unknown> {
  return visitor.evaluates("shown");
}

Deno.test({
  name: "a page in the background notifies of private messages and mentions without their text",
  ignore: !HAS_CHROMIUM,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await join(chromium, room.url);
    await using bo = await room.join("bo");
    await using cy = await Visitor.join(chromium, room.url, "cy");
    await ada.sees("cy joined");
    const tab = await ada.context.newPage();
    const away = async () => {
      await tab.bringToFront();
      await ada.waits("document.hidden && !document.hasFocus()");
    };
    // The person has not allowed it yet.
    await away();
    bo.session.send("private, before", "ada");
    await ada.sees("private, before");
    assertEquals(await shownBy(ada), []);

    await ada.context.overridePermissions(new URL(room.url).origin, ["notifications"]);
    await ada.page.bringToFront();
    await ada.waits("document.hasFocus()");
    await ada.page.click(".menu");
    await ada.presses("Notify me of messages to me");
    await ada.waits(`Notification.permission === "granted"`);
    await ada.waits(`!document.querySelector("#menu").textContent.includes("Notify me")`);
    bo.session.send("private, in front", "ada");
    await ada.sees("private, in front");
    assertEquals(await shownBy(ada), []);

    await away();
    bo.session.send("to everyone");
    await ada.sees("to everyone");
    assertEquals(await shownBy(ada), []);
    bo.session.send("a secret for you", "ada");
    await ada.sees("a secret for you");
    await ada.waits("shown.length === 1");
    await cy.says("where is ada with the key?");
    await ada.waits("shown.length === 2");
    // A question that is no message is nobody's line.
    await cy.says("/verify ada");
    await ada.waits("shown.length === 3");
    assertEquals(await shownBy(ada), [
      { title: "parley", body: "bo wrote to you", tag: "parley" },
      { title: "parley", body: "cy wrote to you", tag: "parley" },
      { title: "parley", body: "something needs your attention", tag: "parley" },
    ]);
    // What was unread is seen with the page.
    await ada.page.bringToFront();
    await ada.waits(`document.title === "parley"`);
  },
});

Deno.test({
  name: "a notification names the room, and a page without the permission shows none",
  ignore: !HAS_CHROMIUM,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await join(chromium, `${room.url}garden`);
    await using cy = await Visitor.join(chromium, `${room.url}garden`, "cy");
    await ada.sees("cy joined");
    await ada.context.overridePermissions(new URL(room.url).origin, []);
    const tab = await ada.context.newPage();
    await tab.bringToFront();
    await ada.waits("document.hidden && !document.hasFocus()");
    await cy.says("/msg ada denied");
    await ada.sees("denied");
    assertEquals(await shownBy(ada), []);
    await ada.context.overridePermissions(new URL(room.url).origin, ["notifications"]);
    await cy.says("/msg ada granted");
    await ada.waits("shown.length === 1");
    assertEquals(await shownBy(ada), [
      { title: "parley: garden", body: "cy wrote to you", tag: "parley" },
    ]);
  },
});
