// needs: net read=.

/**
 * The pictures of the documents: what `deno task record` drew is what parley prints today.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { hostPort } from "../../lib/base/host_port.ts";
import { parseCommandLine } from "../../lib/cli/run.ts";
import { heading, livePlot, PingRows, SUMMARY_TITLES } from "../../lib/commands/info/ping_text.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import type { HostAddresses } from "../../lib/info/ping/hosts.ts";
import { makeStyle } from "../../lib/terminal/terminal.ts";
import { wordsOf } from "../../lib/tour/tour.ts";
import { PICTURE_HOSTS } from "../../scripts/record/ping.ts";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

const ignore = !granted("read=.");

/** The rows of a picture, as text. */
function rowsOf(svg: string): string[] {
  const rows = new Map<number, string>();
  const texts = svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" textLength[^>]*>([^<]*)<\/text>/g);
  for (const [, x, y, text] of texts) {
    const column = Math.round((Number(x) - 14) / 8.4);
    const row = rows.get(Number(y)) ?? "";
    rows.set(
      Number(y),
      row.padEnd(column) + text!.replaceAll("&lt;", "<").replaceAll("&amp;", "&"),
    );
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row.trimEnd());
}

function first(index: number): HostAddresses {
  const addresses = [PICTURE_HOSTS[index]!.hostname];
  return { kind: "addresses", index, addresses, added: addresses, removed: [], left_out: 0 };
}

Deno.test({
  name:
    "the picture of the live plot shows the command, the rows and the summary of parley info ping",
  ignore,
  async fn() {
    const [prompt = "", ...shown] = rowsOf(await readDocument("docs/images/ping.svg"));
    assert(prompt.startsWith("$ parley info ping "), prompt);
    const { operands, options } = await parseCommandLine(PARLEY, wordsOf(prompt.slice(2)));
    assertEquals([operands.length, options.count], [4, 40]);
    const rows = new PingRows(PICTURE_HOSTS);
    PICTURE_HOSTS.forEach((_, i) => rows.take(first(i)));
    const labels = rows.all.map((row) => rows.label(row));
    assertEquals(labels, PICTURE_HOSTS.map(hostPort));
    const size = { columns: 86, rows: 20 };
    const widthOf = (text: string) => text.length;
    const [title = ""] = livePlot({
      rows: rows.all,
      labels,
      size,
      style: makeStyle(false),
      widthOf,
    });
    const headings = PICTURE_HOSTS.map((host, i) => heading(host, first(i)));
    assertEquals(shown.slice(0, 4), [...headings, title]);
    const start = title.indexOf("plot");
    labels.forEach((label, i) => {
      const row = shown[4 + i]!;
      assert(row.startsWith(label), row);
      assertMatch(row.slice(0, start), / +\d[\d.]+ ms +\d+% +\d[\d.]+–\d[\d.]+ {2}$/);
      assertMatch(row.slice(start), /^[▁▂▃▄▅▆▇█×]{40}$/);
    });
    assert(shown[6]!.slice(start).startsWith("×××"), "the silent port");
    assertEquals(shown[7]?.split(/ {2,}/), SUMMARY_TITLES);
    labels.forEach((label, i) => {
      assertMatch(shown[8 + i]!.slice(label.length), /^ +40 +\d+%( +\d+\.\d\d){6}$/);
    });
  },
});

Deno.test({
  name: "the alternative text of a picture in a document equals the label in the picture",
  ignore,
  async fn() {
    for (const document of ["README.md", "docs/info.md"]) {
      const images = [...(await readDocument(document)).matchAll(/!\[([^\]]*)\]\(([^)]*\.svg)\)/g)];
      assertEquals(images.length, 1, document);
      for (const [, said, path] of images) {
        const svg = await readDocument(new URL(path!, `file:///${document}`).pathname.slice(1));
        assertEquals(/aria-label="([^"]*)"/.exec(svg)?.[1], said);
      }
    }
  },
});
