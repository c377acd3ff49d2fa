/**
 * The film of a conversation: two terminals, in which ada opens a room and bo joins it.
 *
 * @module
 */

import type { Pane } from "../../tests/terminal/tmux.ts";
import { Film, openPane } from "./pane.ts";
import { drawFilm } from "./screen_svg.ts";

const ADA = { title: "ada", columns: 86, rows: 18 };
const BO = { title: "bo", columns: 86, rows: 12 };

/** Holds the conversation, and draws what the terminals show meanwhile. */
export async function recordSession(): Promise<string> {
  await using ada: Pane = await openPane(ADA);
  await using bo: Pane = await openPane(BO);
  const film = new Film(new Map([[ada, ADA], [bo, BO]]));
  await film.rest(500);
  await film.say(ada, "parley chat server --name ada", "no one else is here yet");
  await film.say(bo, "parley chat client --name bo", "bo joined", ada);
  await film.say(bo, "hello ada, the relay cannot read this", "hello ada", ada);
  await film.say(ada, "hi bo! shall we compare words on the phone?", "hi bo", bo);
  await film.say(ada, "/verify bo", "the same: /verify ada yes", bo);
  await film.say(bo, "/verify ada yes", "bo has confirmed the words", ada);
  await film.say(ada, "/verify bo yes", "have both confirmed", bo);
  await film.type(ada, "a half-typed line");
  await film.say(bo, "/me waves at ada", "waves at", ada);
  await film.say(bo, "/msg ada and this one is for you alone", "for you alone", ada);
  const end = film.frames.at(-1)!;
  return drawFilm(
    [...film.frames.slice(0, -1), { ...end, ms: 0 }],
    "Two terminals: ada opens a room with parley chat server, bo joins it, and they talk",
  );
}
