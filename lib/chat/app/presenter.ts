/**
 * The interfaces around a conversation: presenters format its output, displays show it.
 *
 * @module
 */

import type { Input } from "../../os/streams.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { Entered, MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import type { Standing, Trust, TrustState } from "../trust/trust.ts";
import type { WireFrame } from "./wire_dump.ts";

/** A decision of the user about a member. */
export type Verdict = "verify" | "trust" | "forget" | "exclude" | "include";

/** The trust decisions that a presenter needs. */
export interface TrustView {
  /** Whether newly met peers are saved for later runs. */
  readonly remembers: boolean;
  /** Returns how much a peer is trusted. */
  of(who: Peer["credential"]): TrustState;
  /** Returns everything that is known about a peer's identity. */
  standing(who: Peer["credential"]): Standing;
  /** Returns why a peer receives no keys, as a predicate that follows its name. */
  obstacle(peer: Peer): string | undefined;
}

/** A fingerprint to show. */
export interface Identified {
  readonly name: string;
  readonly fingerprint: string;
  /** For another member: its trust, and the safety number in 12 groups of 5 digits. */
  readonly other?: { readonly standing: Standing; readonly safetyNumber: readonly string[] };
}

/** The address and properties of a listening relay. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** The id of the relay's own room. */
  readonly room: Uint8Array;
  /** The name of that room. */
  readonly roomName: string;
  /** Whether it accepts only TLS. */
  readonly tls: boolean;
}

/** Formats events as lines of output. The returned lines are printable. */
export interface Presenter {
  /** A relay listens. */
  listening(relay: Listening): string[];
  /** An event of the member. */
  event(event: MemberEvent): string[];
  /** An event of a relay that runs without a member in this process. */
  relayEvent(event: RelayEvent): string[];
  /** This member sent a message, to everyone or to one member. */
  said(text: string, to: string | undefined, entered: Entered & { readonly ok: true }): string[];
  /** The members of the room. */
  roster(members: readonly Peer[], self: OwnCredential): string[];
  /** A fingerprint that the user asked for. */
  fingerprint(identified: Identified): string[];
  /** The user's decision about a member; `peer` is undefined if it is not in the room. */
  decided(verdict: Verdict, name: string, peer: Peer | undefined): string[];
  /** The room was locked or unlocked; `leftOut` are the members that receive no messages. */
  locked(locked: boolean, leftOut: readonly Peer[]): string[];
  /** The commands of the chat. */
  help(): string[];
  /** Information. */
  notice(text: string): string[];
  /** An error after which the chat continues. */
  error(code: string, message: string): string[];
  /** A frame that was sent or received. */
  wire(frame: WireFrame): string[];
}

/** Shows lines and tracks which have been shown. */
export interface Display {
  /** Shows lines, if any, and then reports that the mark is reached. */
  print(lines: readonly string[], mark?: number): void;
  /** Resolves when all lines printed so far are shown; undefined if they are. */
  caughtUp(): Promise<void> | undefined;
  /** Resolves with an error when output fails. */
  readonly failed: Promise<unknown>;
  /** The error of the output, if it has failed. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What a conversation needs. */
export interface ConversationOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly input: AsyncIterable<Input>;
  readonly trust: Trust;
  /** Reloads the server's allow list and reports the result; undefined if there is none. */
  readonly reload?: (() => Promise<void>) | undefined;
  /**
   * Whether a person types. Otherwise each line waits for flow control, and the end of input waits
   * for delivery.
   */
  readonly interactive: boolean;
  /** Whether each line is a message, even if it starts with a slash. */
  readonly messagesOnly?: boolean;
  /** Whether to stay in the room when the input ends. */
  readonly stay: boolean;
  /**
   * How long to wait, in milliseconds: for delivery at the end of the input, and, unless `stay` is
   * set, for a lost connection to come back.
   */
  readonly giveUpMs: number;
  /** Resolves with an exit code when the process receives a stop signal. */
  readonly stopped: Promise<number>;
  /** Resolves at a second stop signal. */
  readonly insisted: Promise<void>;
}
