/**
 * Draws the pictures of the documents: `deno task record` runs parley in terminals of tmux and in Chromium, and writes
 * what they show to `docs/images`. `deno fmt` then formats the drawings.
 *
 * @module
 */

import { recordPage } from "./record/page.ts";
import { recordPing } from "./record/ping.ts";
import { recordSession } from "./record/session.ts";

/** The pictures by their names, and for each the files that it makes. */
const PICTURES: Readonly<
  Record<string, () => Promise<Readonly<Record<string, string | Uint8Array>>>>
> = {
  page: recordPage,
  ping: async () => ({ "ping.svg": await recordPing() }),
  session: async () => ({ "session.svg": await recordSession() }),
};

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !Object.hasOwn(PICTURES, name));
  if (unknown !== undefined) {
    throw new Error(`no picture ${unknown}: there are ${Object.keys(PICTURES).join(", ")}`);
  }
  for (const name of names.length === 0 ? Object.keys(PICTURES) : names) {
    for (const [file, picture] of Object.entries(await PICTURES[name]!())) {
      const path = new URL(`../docs/images/${file}`, import.meta.url);
      if (typeof picture === "string") await Deno.writeTextFile(path, picture);
      else await Deno.writeFile(path, picture);
    }
  }
}

if (import.meta.main) await main(Deno.args);
