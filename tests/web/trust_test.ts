// needs: net run=chromium read=tests/scratch write=tests/scratch (about 40 s)

/**
 * Who is who, at a page: verifying, excluding, and a key that has changed.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { safetyNumber } from "../../lib/chat/trust/known_peers.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { scanned } from "./qr_code.ts";
import { Meeting, Visitor, WebRoom } from "./room.ts";

const ignore = !HAS_CHROMIUM;

/** The safety number that the open dialog shows. */
async function numberOf(visitor: Visitor): Promise<string> {
  await visitor.page.waitForSelector(".who .groups");
  return (await visitor.text(".who .groups")).trim();
}

Deno.test({
  name: "two pages show the same safety number as digits and QR code, and verify by it",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { browser, ada } = meeting;
    const bo = await meeting.page("bo");
    await ada.asksWho("bo");
    await bo.asksWho("ada");
    const number = await numberOf(ada);
    assertEquals(await numberOf(bo), number);
    assertEquals(/^(\d{5} ){11}\d{5}$/.test(number), true, number);
    for (const one of [ada, bo]) {
      assertEquals(await scanned(browser, one.page, ".who .code"), number);
    }
    await bo.presses("They differ");
    await bo.sees("THE SAFETY NUMBERS OF YOU AND ada DIFFER", ".scrolled .note.alarm");
    await bo.misses(".who");
    await ada.presses("The numbers match");
    await ada.sees("verified", ".who .standing");
    await ada.sees("bo is verified");
    await ada.page.keyboard.press("Escape");
    await ada.misses(".who");
    assertEquals(await ada.text(".people li:nth-child(2) small"), "✓ verified");
  },
});

Deno.test({
  name: "a page and a terminal show the same safety number, and a verification survives a reload",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    const [, peer] = bo.session.members();
    const own = bo.session.self.fingerprint;
    const number = await safetyNumber(own, peer!.credential.fingerprint);
    await ada.asksWho("bo");
    assertEquals(await numberOf(ada), number.join(" "));
    await ada.presses("The numbers match");
    await ada.sees("bo is verified");
    await ada.page.reload();
    await ada.isIn();
    await ada.sees("everyone here is verified");
  },
});

Deno.test({
  name:
    "a member excluded at a page receives nothing until it is included, and hidden messages are not shown",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    const cy = await meeting.guest("cy");
    await ada.asksWho("bo");
    await ada.presses("Exclude");
    await ada.sees("bo no longer receives your messages");
    await ada.page.keyboard.press("Escape");
    await ada.says("not for bo");
    await cy.hears("not for bo");
    await ada.sees("not to bo", ".own small");
    assertEquals(await ada.text(".people li:nth-child(2) small"), "receives nothing from you");
    await ada.says("/include bo");
    await ada.sees("bo receives your messages again");
    await ada.says("for bo again");
    await bo.hears("for bo again");
    assertEquals(bo.texts, ["for bo again"]);

    await ada.asksWho("cy");
    await ada.presses("Hide messages");
    await ada.sees("messages of cy are hidden");
    await ada.page.keyboard.press("Escape");
    cy.session.send("never shown");
    bo.session.send("shown");
    await ada.sees("shown", ".message:not(.own) .text");
    assertEquals((await ada.text("#page")).includes("never shown"), false);
  },
});

Deno.test({
  name: "a page locks the room: a new member receives nothing until it is trusted",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    await ada.page.click(".menu");
    await ada.presses("Lock");
    await ada.sees("locked: only known, invited and verified members");
    await using bo = await room.join("bo");
    await ada.sees("bo joined (excluded");
    await ada.says("not for bo");
    await ada.sees("no one received that");
    await ada.says("/who");
    await ada.sees("excluded: new, and the room is locked");
    await ada.says("/trust bo");
    await ada.sees("the key of bo is accepted");
    await ada.says("for bo");
    await bo.hears("for bo");
    assertEquals(bo.texts, ["for bo"]);
  },
});

Deno.test({
  name: "a page warns of a changed key, and sends and shows nothing until the person accepts it",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    const before = await room.join("bo");
    await ada.sees("bo joined");
    before.session.send("I am bo");
    await ada.sees("I am bo");
    await before[Symbol.asyncDispose]();
    await ada.sees("bo left");
    await using bo = await room.join("bo");
    await ada.sees("THE KEY OF bo HAS CHANGED", `.warning[role="alert"]`);
    await ada.sees(`it was ${before.session.self.fingerprint}`);
    bo.session.send("never shown");
    await ada.says("not for this bo");
    await ada.sees("bo: has a different key than the one you know");
    assertEquals((await ada.text("#page")).includes("never shown"), false);

    await ada.presses("Compare the keys");
    await ada.sees("ITS KEY HAS CHANGED", ".who .standing");
    await ada.page.waitForSelector(".who .groups");
    await ada.presses("Accept the new key");
    await ada.sees("the key of bo is accepted");
    await ada.page.keyboard.press("Escape");
    await ada.misses(`.warning[role="alert"]`);
    await ada.says("for bo");
    await bo.hears("for bo");
    bo.session.send("shown now");
    await ada.sees("shown now", ".message .text");
    assertEquals(bo.texts, ["for bo"]);
  },
});

Deno.test({
  name: "two tabs share what they learn of peers at once, and keep what each one learns",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, browser, ada } = meeting;
    const { context } = ada;
    await using other = await Visitor.open(browser, room.url, { context });
    await other.page.waitForSelector("input[name=name]");
    await other.page.keyboard.press("End");
    await other.enters("line");
    await other.sees("you are adaline");
    await using bo = await room.join("bo");
    await using cy = await room.join("cy");
    for (const one of [ada, other]) await one.sees("cy joined");
    bo.session.send("confirmed");
    cy.session.send("confirmed too");
    for (const one of [ada, other]) await one.sees("confirmed too");
    const standing = async (visitor: Visitor, name: string, text: string) =>
      await visitor.waits(`[...document.querySelectorAll(".people li")].some((one) =>
        one.textContent.includes("${name}") && one.textContent.includes("${text}"))`);
    await ada.asksWho("bo");
    await ada.presses("The numbers match");
    await standing(other, "bo", "✓ verified");
    await other.says("/fingerprint cy");
    await other.sees("the safety number of you and cy");
    await other.says("/verify cy yes");
    await standing(ada, "cy", "✓ verified");
    await ada.page.reload();
    await ada.isIn();
    for (const name of ["bo", "cy"]) await standing(ada, name, "✓ verified");
  },
});

Deno.test({
  name: "a key first met in another tab counts before this tab is notified of it",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    // What the other tab writes, whose word of it does not come.
    const line = `bo SHA256:${"A".repeat(43)} 2026-11-24T00:00:00Z unverified\n`;
    await ada.page.evaluate(`new Promise((resolve, reject) => {
      const opening = indexedDB.open("parley");
      opening.onerror = reject;
      opening.onsuccess = () => {
        const writing = opening.result.transaction("things", "readwrite").objectStore("things")
          .put(${JSON.stringify(line)}, "known peers");
        writing.onsuccess = resolve;
        writing.onerror = reject;
      };
    })`);
    await using bo = await room.join("bo");
    bo.session.send("it is me");
    await ada.waits(`[...document.querySelectorAll(".people li")].some((one) =>
      one.textContent.includes("bo") && one.textContent.includes("changed"))`);
  },
});

Deno.test({
  name: "what a page has met and not yet written when it goes away is known the next time",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, room.url, "ada");
    await using bo = await room.join("bo");
    bo.session.send("one");
    await ada.sees("one");
    // From now on the pause after a write has no end.
    await ada.evaluates(`new Promise((resolve) => setTimeout(() => {
      globalThis.setTimeout = () => 0;
      resolve(true);
    }, 1000))`);
    await using cy = await room.join("cy");
    await using di = await room.join("di");
    cy.session.send("two");
    di.session.send("three");
    for (const text of ["two", "three"]) await ada.sees(text);
    await ada.page.reload();
    await ada.isIn();
    for (const name of ["bo", "cy", "di"]) {
      await ada.waits(`[...document.querySelectorAll(".people li")].some((one) =>
        one.textContent.includes("${name}") && one.textContent.includes("known"))`);
    }
  },
});
