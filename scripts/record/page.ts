/**
 * The pictures of the chat's page: a conversation of two people, on a desk and on a phone, in light and in dark.
 *
 * @module
 */

import { Chromium } from "../../tests/web/chromium.ts";
import { Visitor, WebRoom } from "../../tests/web/room.ts";

const DESK = { width: 900, height: 560 };
const PHONE = { width: 360, height: 640 };
/** How many pixels of a picture make one of the page. */
const SCALE = 1.5;

/** Holds the conversation, and gives the pictures by their names. */
export async function recordPage(): Promise<Readonly<Record<string, Uint8Array>>> {
  await using room = await WebRoom.open();
  await using chromium = await Chromium.start();
  await using ada = await Visitor.join(chromium, `${room.url}garden`, "ada", DESK);
  await using bo = await Visitor.join(chromium, `${room.url}garden`, "bo", PHONE);
  await using cy = await Visitor.join(chromium, `${room.url}garden`, "cy", PHONE);
  await ada.sees("cy joined");
  await ada.asksWho("bo");
  await ada.presses("The numbers match");
  await ada.sees("bo is verified");
  await ada.page.keyboard.press("Escape");
  // The conversation begins at the top, and no notice is cut off.
  for (const one of [ada, bo]) {
    await one.says("/clear");
    await one.misses(".scrolled .note");
  }
  await talk(ada, bo, cy);
  return {
    ...await picturesOf("desk", ada, DESK),
    ...await picturesOf("phone", bo, PHONE),
  };
}

async function talk(ada: Visitor, bo: Visitor, cy: Visitor): Promise<void> {
  const people = [ada, bo, cy];
  const say = async (who: Visitor, line: string) => {
    await who.says(line);
    for (const one of people) await one.sees(line.replace(/^\/me /, ""));
  };
  await say(bo, "is the relay able to read this?");
  await say(ada, "no: the keys are in our pages, and it has none of them");
  await say(cy, "I am new here. ada, whom have you verified?");
  await say(ada, "bo: we compared the number by telephone");
  await ada.says("/msg bo shall we meet at six?");
  await bo.sees("shall we meet at six?");
  await say(bo, "/me nods");
  await ada.waits(`document.querySelectorAll(".own .mark:not(.delivered)").length === 0`);
}

async function picturesOf(
  where: string,
  { page }: Visitor,
  size: { readonly width: number; readonly height: number },
): Promise<Record<string, Uint8Array>> {
  const pictures: Record<string, Uint8Array> = {};
  await page.setViewport({ ...size, deviceScaleFactor: SCALE });
  await page.evaluate("document.activeElement.blur()");
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    pictures[`page-${where}-${scheme}.png`] = await page.screenshot({ type: "png" });
  }
  return pictures;
}
