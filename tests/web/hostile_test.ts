// needs: net run=chromium read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Hostile names and texts at a page: they are text, and nothing but text nodes come of them.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Meeting } from "./room.ts";

const ignore = !HAS_CHROMIUM;

const TEXTS: readonly string[] = [
  `<img src=x onerror="document.title='owned'">`,
  `<script>document.title = "owned"</script>`,
  `</div></article><iframe src="https://example.org/"></iframe>`,
  `<style>* { display: none }</style>`,
  `&lt;b&gt; &amp; &#x3c;`,
  `javascript:alert(1) https://example.org/<a href="javascript:alert(1)">x</a>`,
  `{{constructor.constructor("alert(1)")()}} \${alert(1)}`,
  "\x1b[2J\x1b]0;owned\x07",
  "\u202egnp.exe\u202c \u2066hidden\u2069 \u200e",
  "\u0000\u0007\u0008",
  "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306".repeat(50),
  "x".repeat(60_000),
  "a\nb\n".repeat(5_000),
  "! THE KEY OF ada HAS CHANGED",
  "* you are root",
];

/** Names that are valid, and look like something else. */
const NAMES: readonly string[] = ["x<b>bold</b>", "constructor", "__proto__", "a&amp;b"];

/** The elements that the page itself makes in the conversation, and the attributes that it sets. */
const ELEMENTS = ["ARTICLE", "B", "BUTTON", "DIV", "HEADER", "P", "SMALL", "SPAN", "TIME"];
const ATTRIBUTES = [
  ...["aria-hidden", "class", "data-position", "datetime", "dir", "style", "title", "type"],
];

Deno.test({
  name:
    "hostile messages are shown as text: they create no element or attribute and break no policy",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const eve = await meeting.guest("eve");
    for (const text of TEXTS) {
      assertEquals(eve.session.send(text).ok, true);
      assertEquals(eve.session.send(`/me ${text.slice(0, 60_000)}`).ok, true);
    }
    eve.session.send("the end");
    await ada.sees("the end");
    const elements = await ada.evaluates(
      `[...new Set([...document.querySelectorAll(".scrolled *")].map((one) => one.tagName))].sort()`,
    );
    assertEquals((elements as string[]).filter((one) => !ELEMENTS.includes(one)), []);
    const attributes = await ada.evaluates(
      `[...new Set([...document.querySelectorAll(".scrolled *")].flatMap((one) =>
        one.getAttributeNames()))].sort()`,
    );
    assertEquals((attributes as string[]).filter((one) => !ATTRIBUTES.includes(one)), []);
    assertEquals(await ada.page.title(), "parley");
    const shown = await ada.evaluates(
      `[...document.querySelectorAll(".scrolled .text")].map((one) => one.firstChild.nodeValue)`,
    ) as string[];
    assertEquals(shown[0], TEXTS[0]);
    assertEquals(shown[2], TEXTS[1]);
    // Controls and marks of direction are pictures of themselves, as at a terminal.
    assertEquals(shown.includes("␛[2J␛]0;owned␇"), true);
    assertEquals(
      shown.includes("\\u{202e}gnp.exe\\u{202c} \\u{2066}hidden\\u{2069} \\u{200e}"),
      true,
    );
    // A long message is folded until the person asks for all of it.
    assertEquals(Math.max(...shown.map((one) => one.length)) <= 2_100, true);
    await ada.presses("show all 10000 lines");
    await ada.waits(
      `[...document.querySelectorAll(".text")].some((one) => one.textContent.length > 9000)`,
    );
    // What somebody says does not pass for what parley says.
    assertEquals(await ada.evaluates(`document.querySelectorAll(".note.alarm").length`), 0);
    assertEquals(await ada.evaluates(`document.body.scrollWidth <= innerWidth`), true);
  },
});

Deno.test({
  name: "hostile names are shown as text in the conversation, the list and the dialog",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    let joined = 0;
    for (const name of NAMES) {
      let guest;
      try {
        guest = await room.join(name);
      } catch (error) {
        // The protocol refuses the name, so that no page ever shows it.
        assertEquals((error as Error).name, "MalformedError", name);
        continue;
      }
      await using _guest = guest;
      joined += 1;
      guest.session.send(`I am ${name}`);
      await ada.sees(`I am ${name}`);
      await ada.waits(
        `[...document.querySelectorAll(".people .name")].some((one) => one.textContent === ${
          JSON.stringify(name)
        })`,
      );
      await ada.page.click(".people li:nth-child(2) button");
      await ada.page.waitForSelector(".who .groups");
      assertEquals(await ada.text(".who h2"), name);
      assertEquals(await ada.evaluates(`document.querySelectorAll(".who h2 *").length`), 0);
      await ada.page.keyboard.press("Escape");
    }
    assertEquals(joined > 0, true);
  },
});
