/**
 * What parley says in the conversation: the lines of the terminal's transcript, which mark a notice by `*` and an alarm
 * by `!`.
 *
 * @module
 */

import { type GuestWays, SEND_PRIVATELY, termsText } from "../lib/chat/app/invite.ts";
import { USAGE_COLUMNS } from "../lib/chat/app/slash_commands.ts";
import type { MadeInvitation } from "../lib/chat/trust/invitations.ts";
import type { PaletteStyle } from "../lib/terminal/terminal.ts";
import type { Note } from "./state.ts";

const unchanged = (text: string) => text;

/** A style without colours: the page has styles of its own. */
export const PLAIN: PaletteStyle = {
  bold: unchanged,
  dim: unchanged,
  red: unchanged,
  green: unchanged,
  yellow: unchanged,
  blue: unchanged,
  magenta: unchanged,
  cyan: unchanged,
  reverse: unchanged,
  palette: () => unchanged,
};

/**
 * Reads lines of a transcript. Lines of one kind that come together are one note.
 *
 * @param lines The lines.
 * @param at When they were said, in milliseconds since 1970.
 */
export function notesOf(lines: readonly string[], at: number): Note[] {
  const notes: { kind: Note["kind"]; lines: string[]; at: number }[] = [];
  for (const line of lines) {
    const kind = line.startsWith("! ") ? "alarm" : "note";
    const text = unaligned(line.replace(/^[*!] /, ""));
    const last = notes.at(-1);
    if (last?.kind === kind) last.lines.push(text);
    else notes.push({ kind, lines: [text], at });
  }
  return notes;
}

/** Joins the columns of a row of `/help`, which only letters of one width align. */
function unaligned(line: string): string {
  if (!line.startsWith("/") || line[USAGE_COLUMNS] !== " ") return line;
  return `${line.slice(0, USAGE_COLUMNS).trimEnd()} – ${line.slice(USAGE_COLUMNS + 1)}`;
}

/**
 * Says how a guest comes by an invitation: by the link, which a browser opens, and then how from a terminal.
 *
 * @param invitation The invitation.
 * @param ways How a guest comes by it.
 * @param refusal Why the relay may refuse guests; undefined if it does not.
 * @param at When it was made, in milliseconds since 1970.
 */
export function invitationNote(
  invitation: MadeInvitation,
  { link, command, from }: GuestWays,
  refusal: string | undefined,
  at: number,
): Note {
  const terms = termsText(invitation, from);
  return {
    kind: "note",
    lines: [`invitation ${invitation.number} (${terms}); ${SEND_PRIVATELY}`],
    link,
    rest: [`at a terminal: ${command}`, ...refusal === undefined ? [] : [refusal]],
    at,
  };
}
