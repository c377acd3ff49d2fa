/**
 * The boundary of a relay around what comes from elsewhere: an exception, the runtime's own included, is counted and
 * reported, and ends no more than the connection that brought it about.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Link, LinkReceiver } from "../link.ts";
import type { RelayEvent } from "./options.ts";
import type { Tally } from "./outbox.ts";

/** Who hears of what happens at a relay. */
export interface Listeners {
  /** Hears what happens. */
  readonly event?: (event: RelayEvent) => void;
  /** Hears of an exception that no input explains. */
  readonly fail?: (error: unknown) => void;
}

/** Runs handlers, and keeps what they throw. */
export class Boundary {
  readonly #listeners: Listeners;
  readonly #tally: Tally;

  /** Counts failures in a tally and reports them to listeners. */
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
      // It has been counted, and who would hear of it is who has failed.
    }
  };

  /** Runs a handler to its end, or to its exception. */
  run(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Tells the listeners that something has happened. */
  tell(event: RelayEvent): void {
    try {
      this.#listeners.event?.(event);
    } catch (error) {
      this.failed(error);
    }
  }
}

/**
 * A link whose exceptions are its own connection's: frames for a thousand members go through a thousand of these.
 *
 * @param link The way to one connection.
 * @param failed Hears of an exception.
 */
export function containedLink(link: Link, failed: (error: unknown) => void): Link {
  return new ContainedLink(link, failed);
}

class ContainedLink implements Link {
  readonly #link: Link;
  readonly #failed: (error: unknown) => void;

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
