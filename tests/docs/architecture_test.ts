// needs: net read=.

/**
 * The page about the architecture names folders, files and definitions that exist.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

const ROOT = new URL("../../", import.meta.url);
const ignore = !granted("read=.");

/** Adds the text of every source file of a folder by its path, for example `lib/base/clock.ts`. */
async function readSources(folder: string, into: Map<string, string>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) await readSources(`${folder}${name}/`, into);
    else if (/\.tsx?$/.test(name)) {
      into.set(folder + name, await Deno.readTextFile(new URL(folder + name, ROOT)));
    }
  }
}

/** The source files by their paths. */
async function sources(): Promise<Map<string, string>> {
  const found = new Map([["main.ts", ""], ["mod.ts", ""]]);
  for (const folder of ["lib/", "web/", "scripts/", "bench/", "types/", "tests/"]) {
    await readSources(folder, found);
  }
  return found;
}

Deno.test({
  name: "docs/architecture.md names files and folders that exist",
  ignore,
  async fn() {
    const paths = [...(await sources()).keys()].map((path) => `/${path}`);
    const page = await readDocument("docs/architecture.md");
    const named = [...page.matchAll(/`([\w/]+(?:\.tsx?|\/))`/g)].map(([, path]) => `/${path}`);
    assert(named.length > 100, `${named.length} paths`);
    const known = (one: string) =>
      one === "/docs/" ||
      paths.some((path) => one.endsWith("/") ? path.includes(one) : path.endsWith(one));
    assertEquals(named.filter((one) => !known(one)), []);
  },
});

Deno.test({
  name: "docs/architecture.md names definitions that are in the file beside them",
  ignore,
  async fn() {
    const files = [...await sources()];
    const page = await readDocument("docs/architecture.md");
    const pairs = [...page.matchAll(/`([A-Za-z][\w.]*)(?:\(\))?`\s+\(`([\w/]+\.ts)`/g)];
    assert(pairs.length > 35, `${pairs.length} pairs`);
    const isIn = (name: string, file: string) =>
      files.some(([path, text]) =>
        `/${path}`.endsWith(`/${file}`) &&
        name.split(".").every((word) => new RegExp(`\\b${word}\\b`).test(text))
      );
    assertEquals(
      pairs.map(([, name, file]) => [name!, file!]).filter(([name, file]) => !isIn(name!, file!)),
      [],
    );
  },
});

Deno.test({
  name: "docs/architecture.md has a line for each folder of lib/ and lib/chat/",
  ignore,
  async fn() {
    const page = await readDocument("docs/architecture.md");
    const missing: string[] = [];
    for (const folder of ["lib/", "lib/chat/"]) {
      for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
        const path = `${folder}${name}/`;
        if (isDirectory && path !== "lib/chat/" && !page.includes(`| \`${path}\``)) {
          missing.push(path);
        }
      }
    }
    assertEquals(missing, []);
  },
});
