/**
 * The chat: two members, a relay that cannot read, and what passes through it.
 *
 * @module
 */

import type { Job } from "../console.ts";
import { requireCode, type Scene, type Section, untilAborted } from "../step.ts";

const SECRET = "the secret of the day";

/** A conversation. */
export const CHAT: Section = {
  name: "chat",
  title: "The encrypted chat",
  steps: [{
    says:
      `ada opens a room and sits in it, bo joins. What bo says is encrypted for ada before it leaves bo;
--wire shows each frame that travels, and its ciphertext: the words are not in it.`,
    play: converse,
  }],
};

async function converse({ start, prompt, signal }: Scene): Promise<void> {
  const open = "parley chat server --port 0 --name ada --commands";
  prompt(open);
  const ada = start(["chat", "server", "--port", "0", "--name", "ada", "--commands"], {
    label: "  ada │ ",
  });
  const [, port] = await ada.until(/listening on 127\.0\.0\.1:(\d+)/, signal);
  await ada.until(/nobody else is here/, signal);
  const join = `parley chat client 127.0.0.1:${port} --name bo --wire`;
  prompt(join);
  const bo = start(["chat", "client", `127.0.0.1:${port}`, "--name", "bo", "--wire"], {
    label: "   bo │ ",
  });
  await bo.until(/you are bo SHA256:/, signal);
  await bo.type(`${SECRET}\n`);
  await ada.until(new RegExp(`^bo: ${SECRET}$`, "m"), signal);
  await ada.type("I can read it, and nobody between us\n");
  await bo.until(/^ada: I can read it/m, signal);
  await bo.endInput();
  requireCode(join, await untilAborted(bo.ended, signal), 0);
  await ada.type("/quit\n");
  requireCode(open, await untilAborted(ada.ended, signal), 0);
  requireSecrecy(bo);
}

/** Throws unless a member's frames were shown, and none has the text in it. */
function requireSecrecy(member: Job): void {
  const rows = [...member.said.matchAll(/^[<>] +[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+)/gm)];
  const bytes = rows.flatMap(([, row]) => row!.trim().split(/ +/).map((hex) => parseInt(hex, 16)));
  if (bytes.length === 0) throw new Error("no ciphertext was shown");
  const text = new TextDecoder("latin1").decode(new Uint8Array(bytes));
  if (text.includes(SECRET)) throw new Error("the text travelled as it is");
}
