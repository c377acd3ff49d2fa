/**
 * Draws the pictures of the documents: `deno task record` runs parley in terminals of tmux, and writes what they show
 * to `docs/images`. `deno fmt` then formats them.
 *
 * @module
 */

import { recordPing } from "./record/ping.ts";
import { recordSession } from "./record/session.ts";

const PICTURES: Readonly<Record<string, () => Promise<string>>> = {
  ping: recordPing,
  session: recordSession,
};

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !Object.hasOwn(PICTURES, name));
  if (unknown !== undefined) {
    throw new Error(`no picture ${unknown}: there are ${Object.keys(PICTURES).join(", ")}`);
  }
  for (const name of names.length === 0 ? Object.keys(PICTURES) : names) {
    const file = new URL(`../docs/images/${name}.svg`, import.meta.url);
    await Deno.writeTextFile(file, await PICTURES[name]!());
  }
}

if (import.meta.main) await main(Deno.args);
