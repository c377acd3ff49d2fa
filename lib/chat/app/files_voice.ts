/**
 * What is said of the file of the known peers, also before there is a stage to say it on.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import { Trust } from "../trust/trust.ts";
import { Report } from "./json_report.ts";
import type { AcquaintanceEvents } from "./load_trust.ts";
import type { Presenter } from "./presenter.ts";
import type { Stage } from "./stage.ts";
import { Transcript } from "./transcript.ts";
import { unsettledText, unwrittenText, WAITING_TEXT, WRITTEN_TEXT } from "./trust_text.ts";

/** Says what becomes of the known peers: on a stage once there is one, on standard output before. */
export class FilesVoice implements AcquaintanceEvents {
  readonly #io: Io;
  readonly #early: Presenter;
  #stage: Pick<Stage, "presenter" | "display"> | undefined;

  /** Speaks to programs, or to people. */
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

  /** There is a stage. */
  enter(stage: Pick<Stage, "presenter" | "display">): void {
    this.#stage = stage;
  }

  readonly waiting = (): void => this.#notice(WAITING_TEXT);
  readonly recovered = (): void => this.#notice(WRITTEN_TEXT);
  readonly failed = (failure: Failure): void => this.#error(failure.code, unwrittenText(failure));

  /** What was to be remembered has not been written, and nobody waits for it any longer. */
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
    return this.#stage?.presenter ?? this.#early;
  }

  #print(lines: readonly string[]): void {
    if (this.#stage !== undefined) this.#stage.display.print(lines);
    else writeAll(this.#io.output, lines.map((line) => `${line}\n`).join(""));
  }
}
