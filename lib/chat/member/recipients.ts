/**
 * Who receives a line, and how: by a sealed frame together with the others, or alone.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { STREAM, STREAMS } from "../wire/content.ts";
import type { Contact, Entry, Ledger } from "./deliveries.ts";
import type { Peer, Roster } from "./roster.ts";

/** A newcomer is served alone for so long, in milliseconds, so that its leaving again changes no chain. */
const NEWCOMER_MS = 60_000;
/** The most newcomers that are served alone at a time. */
const MAX_NEWCOMERS = 8;
/** Rooms up to this size, oneself included, grant newcomers the chain at once. */
const SMALL_ROOM = 16;

/** What recipients depend on. */
export interface RecipientsOptions {
  readonly room: Bytes;
  readonly roster: Roster;
  readonly ledger: Ledger;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Returns whether a peer may be given keys. */
  readonly mayRead: (peer: Peer) => boolean;
}

/** How the recipients of a line get it. */
export interface Division {
  /** By a sealed frame. */
  readonly together: readonly Contact[];
  /** Alone: the relay leaves out the sealed frame. */
  readonly behind: readonly Contact[];
  /** Alone. */
  readonly apart: readonly Contact[];
  /** Not at all: the policy keeps them from reading. */
  readonly dropped: readonly Contact[];
}

/** Divides the recipients of lines. */
export class Recipients {
  readonly #options: RecipientsOptions;
  readonly #newcomers = new Set<Contact>();

  /** Starts with nobody served alone. */
  constructor(options: RecipientsOptions) {
    this.#options = options;
  }

  /** A contact has left. */
  forget(contact: Contact): void {
    this.#newcomers.delete(contact);
  }

  /** Divides the recipients of a line to the group, and sets their modes. */
  of(entry: Entry): Division {
    const { ledger, mayRead } = this.#options;
    const division = {
      together: [] as Contact[],
      behind: [] as Contact[],
      apart: [] as Contact[],
      dropped: [] as Contact[],
    };
    for (const contact of ledger.contacts()) {
      const isFor = ledger.isFor(contact, entry);
      const reads = isFor && mayRead(contact.peer);
      if (reads && contact.mode === "behind") division.behind.push(contact);
      else if (reads && this.#canReadSealed(contact, entry)) {
        contact.mode = "together";
        division.together.push(contact);
      } else {
        contact.mode = "apart";
        contact.granted = false;
        if (reads) division.apart.push(contact);
        else if (isFor) division.dropped.push(contact);
      }
    }
    return division;
  }

  #canReadSealed(contact: Contact, { line, room }: Entry): boolean {
    const { here, unsure, peer, streams } = contact;
    if (!here || unsure || room !== this.#options.room || peer.number > line.version) return false;
    if (this.#options.roster.history.when(line.version) === undefined) return false;
    const isOwed = streams[STREAM.group].owed.length > 0 ||
      STREAMS.some((stream) => streams[stream].gone > 0);
    return !isOwed && !this.#isServedAlone(contact);
  }

  /** Whether a newcomer is served alone still. */
  #isServedAlone(contact: Contact): boolean {
    const { ledger, now } = this.#options;
    const isNew = now() - contact.joinedAt < NEWCOMER_MS;
    if (!isNew || ledger.size < SMALL_ROOM || contact.mode === "together") {
      this.#newcomers.delete(contact);
      return false;
    }
    if (this.#newcomers.size < MAX_NEWCOMERS) this.#newcomers.add(contact);
    return this.#newcomers.has(contact);
  }
}
