/**
 * Contains exceptions: whatever comes from outside may cause one, the runtime's own included. It is counted and
 * reported, and ends at most the connection that caused it.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Link, LinkReceiver } from "../link.ts";
import type { Listeners, RelayEvent, Tally } from "./options.ts";

/** Runs handlers and contains what they throw. */
export class Boundary {
  readonly #listeners: Listeners;
  readonly #tally: Tally;

  /** Counts exceptions in a tally and reports them to listeners. */
  constructor(listeners: Listeners, tally: Tally) {
    this.#listeners = listeners;
    this.#tally = tally;
  }

  /** Counts an exception and reports it. Never throws. */
  readonly failed = (error: unknown): void => {
    this.#tally.failures += 1;
    try {
      this.#listeners.fail?.(error);
    } catch {
      // The exception is counted. The listener that would receive this one is the one that failed.
    }
  };

  /** Runs a handler. */
  run(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Reports an event to the listeners. */
  tell(event: RelayEvent): void {
    this.run(() => this.#listeners.event?.(event));
  }
}

/** A link whose methods never throw. A relay sends one frame to a thousand of these. */
export class ContainedLink implements Link {
  readonly #link: Link;
  readonly #failed: (error: unknown) => void;

  /**
   * @param link The link of one connection.
   * @param failed Receives what the link throws.
   */
  constructor(link: Link, failed: (error: unknown) => void) {
    this.#link = link;
    this.#failed = failed;
  }

  get waiting(): number {
    try {
      return this.#link.waiting;
    } catch (error) {
      this.#failed(error);
      return 0;
    }
  }

  open(receiver: LinkReceiver): void {
    this.#run(() => this.#link.open(receiver));
  }

  send(bytes: Bytes): void {
    try {
      this.#link.send(bytes);
    } catch (error) {
      this.#failed(error);
    }
  }

  end(): void {
    this.#run(() => this.#link.end());
  }

  close(): void {
    this.#run(() => this.#link.close());
  }

  #run(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#failed(error);
    }
  }
}
