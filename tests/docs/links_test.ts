// needs: net read=.

// @ts-types="../../types/std_assert.d.ts"
import { assert } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { documentNames, readDocument } from "./documents.ts";

const ROOT = new URL("../../", import.meta.url);

/** The anchors that a document's headings make, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const withoutCode = markdown.replace(/^```[\s\S]*?^```/gm, "");
  return new Set(
    [...withoutCode.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-")
    ),
  );
}

Deno.test({
  name: "every link of the documents leads to a file and a heading that are there",
  ignore: !granted("read=."),
  async fn() {
    for (const name of await documentNames()) {
      const text = await readDocument(name);
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [path = "", anchor] = link!.split("#");
        const target = path === "" ? new URL(name, ROOT) : new URL(path, new URL(name, ROOT));
        const { isFile } = await Deno.stat(target).catch(() => ({ isFile: false }));
        assert(isFile, `${name}: ${link}`);
        if (anchor === undefined) continue;
        assert(anchorsOf(await Deno.readTextFile(target)).has(anchor), `${name}: ${link}`);
      }
    }
  },
});
