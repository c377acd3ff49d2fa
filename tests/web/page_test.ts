// needs: run=deno read=.

/**
 * The page as a file: what is in it, what it names, and how large it is.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { BROTLI_PAGE, readPage } from "../../lib/chat/web/page.ts";
import {
  buildPage,
  type BuiltPage,
  NoBundlerError,
  PAGE_MODULE,
  pageModule,
  pageSizes,
  sizeFaults,
} from "../../scripts/page.ts";
import { granted } from "../fixtures/granted.ts";

const PAGE = await readPage();

Deno.test("the page is within its size limits", async () => {
  const sizes = await pageSizes({ html: PAGE, brotli: BROTLI_PAGE });
  console.log("the page in bytes:", sizes);
  assertEquals(sizeFaults(sizes), []);
});

Deno.test({
  name: "docs/web.md gives the sizes of the page to within 3 %",
  ignore: !granted("run=deno", "read=."),
  async fn() {
    const { plain, gzip, brotli } = await pageSizes({ html: PAGE, brotli: BROTLI_PAGE });
    const guide = (await Deno.readTextFile("docs/web.md")).replaceAll(/\s+/g, " ");
    const told = /The page has about (\d+) kB\. .*: (\d+) kB by Brotli, .* or (\d+) kB by gzip\./;
    const [whole = 0, sent = 0, zipped = 0] = told.exec(guide)!.slice(1).map(Number);
    for (const [said, size] of [[whole, plain], [sent, brotli], [zipped, gzip]] as const) {
      assertEquals(Math.abs(said * 1000 - size) <= 0.03 * size, true, `${said} kB: ${size}`);
    }
    const first = `It has about ${whole} kB, of which ${sent} kB travel`;
    assertEquals(guide.includes(first), true, first);
  },
});

Deno.test("the page uses no Deno, Node module or eval, and loads nothing", () => {
  for (const word of ["Deno", "eval", "importScripts", "fetch", "XMLHttpRequest", "EventSource"]) {
    assertEquals(new RegExp(`(?<![.\\w$])${word}\\s*[.(]`).test(PAGE), false, word);
  }
  assertEquals(/["']node:/.test(PAGE), false);
  assertEquals(/new Function|import\(/.test(PAGE), false);
  // One script and one style, both inline; the icon is empty, so that none is asked for.
  assertEquals(PAGE.match(/<script/g)?.length, 1);
  assertEquals(PAGE.match(/<style/g)?.length, 1);
  assertEquals(/\ssrc=|@import|url\(/.test(PAGE.split("<script")[0]!), false);
  assertEquals(PAGE.match(/href="[^"]*"/g), [`href="data:,"`]);
  assertEquals(/\sstyle="/.test(PAGE), false);
});

Deno.test({
  name: "docs/web.md names the buttons of the page word for word",
  ignore: !granted("read=."),
  async fn() {
    const text = (await Deno.readTextFile("docs/web.md")).replaceAll("\n", " ");
    const names = [...text.matchAll(/\*\*([^*]+)\*\*/g)].map(([, name]) => name!);
    assertEquals(names.length > 5, true);
    // A name that somebody else chose stands within some.
    for (const part of names.flatMap((name) => name.split("NAME"))) {
      assertEquals(PAGE.includes(part), true, part);
    }
  },
});

Deno.test({
  name: "lib/chat/web/page.ts is what web/ builds to",
  ignore: !granted("run=deno", "read=."),
  async fn() {
    let page: BuiltPage;
    try {
      page = await buildPage();
    } catch (error) {
      if (!(error instanceof NoBundlerError)) throw error;
      return console.log("ignored: deno bundle cannot fetch esbuild");
    }
    assertEquals(await Deno.readTextFile(PAGE_MODULE) === pageModule(page), true);
  },
});
