// needs: net run=chromium read=tests/scratch write=tests/scratch (about 30 s)

/**
 * A long conversation at a page: few lines are in the document, and all that are kept can be reached.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { LOG_BOUNDS } from "../../web/log.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { until } from "../chat/keys.ts";
import { Meeting } from "./room.ts";

const ignore = !HAS_CHROMIUM;

const LINES = 10_000;
/** The most entries in the document: `WINDOW` of `web/view/conversation.tsx`. */
const WINDOW = 200;
/** The most heap after garbage was collected, in bytes. */
const MAX_HEAP_BYTES = 150 << 20;

Deno.test({
  name: "a page follows messages that come faster than its scroll events",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    // A browser tells of a scrolling with its next frame. Here that comes after each line, before the page scrolls again.
    await ada.evaluates(`new MutationObserver(() =>
      document.querySelector(".scrolled").dispatchEvent(new Event("scroll"))).observe(
        document.querySelector(".scrolled"), { childList: true })`);
    for (let i = 1; i <= 300; i++) bo.session.send(`line ${i}\nof\nfour\nrows`);
    await ada.sees("line 300\nof");
    assertEquals(await ada.evaluates(`document.querySelector(".to-end")`), null);
    await ada.waits(`(({ scrollHeight, scrollTop, clientHeight }) =>
      scrollHeight - scrollTop - clientHeight < 2)(document.querySelector(".scrolled"))`);
    // Who scrolls up stays there.
    await ada.evaluates(`document.querySelector(".scrolled").scrollTop -= 500`);
    await ada.page.waitForSelector(".to-end");
    bo.session.send("unseen below");
    await ada.sees("unseen below", "[data-spoken]");
    assertEquals((await ada.text(".scrolled")).includes("unseen below"), false);
  },
});

Deno.test({
  name: "a page with 10,000 messages keeps a window of them in the document, within 150 MiB",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    for (let i = 1; i <= LINES; i++) {
      bo.session.send(`line ${i} of many`);
      if (i % 500 === 0) await until(() => bo.session.backlog().lines < 500, "lines are shown");
    }
    await ada.sees(`line ${LINES} of many`);
    const rows = () => ada.evaluates(`document.querySelectorAll("[data-position]").length`);
    assertEquals(await rows(), WINDOW);

    const heap = await ada.page.createCDPSession();
    await heap.send("HeapProfiler.collectGarbage");
    const { usedSize } = await heap.send("Runtime.getHeapUsage");
    console.log(`heap after ${LINES} lines: ${(usedSize / (1 << 20)).toFixed(1)} MiB`);
    assertEquals(usedSize < MAX_HEAP_BYTES, true, `${usedSize} bytes`);

    // Scrolled up, the page shows earlier lines, keeps the window small, and does not jump as lines come.
    const scroll = (to: string) =>
      ada.evaluates(`document.querySelector(".scrolled").scrollTop = ${to}`);
    for (let i = 0; i < 5; i++) {
      await scroll("0");
      await ada.sees(`line ${LINES - 250 - i * 100} of many`);
    }
    assertEquals(await rows(), WINDOW);
    const top = `[...document.querySelectorAll("[data-position]")].find((one) =>
      one.getBoundingClientRect().bottom > document.querySelector(".scrolled").getBoundingClientRect().top)
      .textContent`;
    const before = await ada.evaluates(top);
    bo.session.send("one more");
    await ada.sees("one more", "[data-spoken]");
    assertEquals(await ada.evaluates(top), before);
    await ada.presses("Newest lines");
    await ada.sees("one more");
    await ada.says("still quick");
    await bo.hears("still quick");
    assertEquals(LOG_BOUNDS.entries > LINES, true);
  },
});
