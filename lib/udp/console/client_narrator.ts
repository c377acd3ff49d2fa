/**
 * What happens to an echo client, told; of a flood only the beginning.
 *
 * @module
 */

import type { EchoClientEvent } from "../open_question.ts";
import { clientSaid } from "./client_text.ts";
import type { Said } from "../../cli/json_events.ts";

/** Of so many datagrams that nobody asked for is told, for each question; the summary counts all. */
const MAX_TOLD = 10;

/** Tells what happens to an echo client. */
export class ClientNarrator {
  readonly #say: (said: Said) => void;
  #waitingFor = 0;
  #question = 0;
  #unasked = 0;

  /** @param say Hears it. */
  constructor(say: (said: Said) => void) {
    this.#say = say;
  }

  /** Something happened to a client that asks a server. */
  tell(event: EchoClientEvent, server: Deno.NetAddr): void {
    if (event.kind === "assigned") {
      this.#question = event.question;
      this.#waitingFor = event.question;
      this.#unasked = 0;
    }
    if (event.kind === "answer") this.#waitingFor = 0;
    const unasked = ["forged", "late", "duplicate"].includes(event.kind);
    if (unasked && ++this.#unasked > MAX_TOLD) {
      if (this.#unasked === MAX_TOLD + 1) this.#say(more(this.#question));
      return;
    }
    const waiting = event.question === this.#waitingFor;
    this.#say(clientSaid(event, server, waiting));
  }
}

function more(question: number): Said {
  return {
    event: "notice",
    fields: { question, text: "more of these are only counted" },
    lines: ["More of these are only counted"],
  };
}
