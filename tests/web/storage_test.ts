// needs: net run=chromium read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Browsers that keep nothing, whose storage is full, or that keep what cannot be read.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Visitor, WebRoom } from "./room.ts";

const ignore = !HAS_CHROMIUM;

/** What makes a browser keep nothing. */
const WITHOUT: Readonly<Record<string, string>> = {
  "has no database": `Object.defineProperty(globalThis, "indexedDB", { value: undefined })`,
  "refuses its database": `IDBFactory.prototype.open = () => {
    throw new DOMException("no", "SecurityError");
  }`,
};

/** What makes a browser refuse to store texts. */
const FULL_TEXTS = `Storage.prototype.setItem = () => {
  throw new DOMException("full", "QuotaExceededError");
};`;

for (const [what, before] of Object.entries(WITHOUT)) {
  Deno.test({
    name: `a page whose browser ${what} joins with a key for this stay, and says so`,
    ignore,
    async fn() {
      await using room = await WebRoom.open();
      await using chromium = await Chromium.start();
      await using ada = await Visitor.open(chromium, room.url, {
        before: before + ";" + FULL_TEXTS,
      });
      await ada.page.waitForSelector("input[name=name]");
      assertEquals(await ada.page.$("input[name=keep]"), null);
      await ada.enters("ada");
      await ada.says("/fingerprint");
      await ada.sees("your key lasts until you leave");
      await using bo = await room.join("bo");
      await ada.sees("bo joined (new)");
      await ada.says("hello");
      await bo.hears("hello");
    },
  });
}

Deno.test({
  name: "a page whose browser has no room for a key says what to do, and joins without",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    const before = `const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = function (value, key) {
        if (key === "identity") throw new DOMException("it is full", "QuotaExceededError");
        return put.call(this, value, key);
      };`;
    await using ada = await Visitor.open(chromium, room.url, { before });
    await ada.asks("ada");
    await ada.sees("this browser cannot keep the key: it is full – untick", "[role=alert]");
    await ada.page.click("input[name=keep]");
    await ada.page.click("button.good");
    await ada.isIn();
  },
});

Deno.test({
  name: "a page that cannot read what it keeps of others says so, and overwrites nothing",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.open(chromium, room.url);
    await ada.page.waitForSelector("input[name=name]");
    const things = (mode: string, rest: string) =>
      ada.evaluates(`new Promise((resolve, reject) => {
        const opening = indexedDB.open("parley");
        opening.onerror = reject;
        opening.onsuccess = () => {
          const things = opening.result.transaction("things", "${mode}").objectStore("things");
          const request = things.${rest};
          request.onerror = reject;
          request.onsuccess = () => resolve(request.result);
        };
      })`);
    await things("readwrite", `put("bo is a friend", "known peers")`);
    await ada.asks("ada");
    await ada.sees("cannot read what this browser keeps of others", "[role=alert]");
    await ada.sees("to begin anew, clear this site's data", "[role=alert]");
    assertEquals(await things("readonly", `get("known peers")`), "bo is a friend");
  },
});
