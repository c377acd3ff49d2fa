/**
 * Reports events of the known-peers file, also before the chat's output is set up.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import { Trust } from "../trust/trust.ts";
import { Report } from "./json_report.ts";
import type { KnownPeersEvents } from "./load_trust.ts";
import type { Presenter } from "./presenter.ts";
import type { ConversationSetup } from "./setup.ts";
import { Transcript } from "./transcript.ts";
import { unsettledText, unwrittenText, WAITING_TEXT, WRITTEN_TEXT } from "./trust_text.ts";

/**
 * Prints notices about the known-peers file: through the chat's display once it is set up, on
 * standard output before.
 */
export class KnownPeersNotices implements KnownPeersEvents {
  readonly #io: Io;
  readonly #early: Presenter;
  #setup: Pick<ConversationSetup, "presenter" | "display"> | undefined;

  /**
   * @param io The standard streams.
   * @param json Whether to print JSON events.
   */
  constructor(io: Io, json: boolean) {
    this.#io = io;
    this.#early = json ? new Report() : new Transcript({
      style: makeStyle(io.output.coloured),
      echo: false,
      folds: io.output.isTerminal,
      who: new Trust({ known: KnownPeers.parse("") }),
      lasting: false,
    });
  }

  /** Sends later notices to the chat's display. */
  showIn(setup: Pick<ConversationSetup, "presenter" | "display">): void {
    this.#setup = setup;
  }

  readonly waiting = (): void => this.#notice(WAITING_TEXT);
  readonly recovered = (): void => this.#notice(WRITTEN_TEXT);
  readonly failed = (failure: Failure): void => this.#error(failure.code, unwrittenText(failure));

  /** Reports that the changes were not written within `waitedMs` milliseconds. */
  unsettled(waitedMs: number): void {
    this.#error("LOCKED", unsettledText(waitedMs));
  }

  #notice(text: string): void {
    this.#print(this.#presenter.notice(text));
  }

  #error(code: string, message: string): void {
    this.#print(this.#presenter.error(code, message));
  }

  get #presenter(): Presenter {
    return this.#setup?.presenter ?? this.#early;
  }

  #print(lines: readonly string[]): void {
    if (this.#setup !== undefined) this.#setup.display.print(lines);
    else writeAll(this.#io.output, lines.map((line) => `${line}\n`).join(""));
  }
}
