/**
 * What a conversation says, to people or to programs.
 *
 * @module
 */

import type { OwnCredential } from "../identity/credential.ts";
import type { Entered, MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import type { Standing } from "../trust/trust.ts";
import type { Verdict } from "./slash_commands.ts";
import type { WireFrame } from "./wire_dump.ts";

/** What a presenter asks about who is who. */
export interface WhoIsWho {
  /** Whether whom this run meets is remembered. */
  readonly remembers: boolean;
  /** All that is known of who somebody is. */
  standing(who: Peer["credential"]): Standing;
  /** Why a peer is given no keys, in words that stand behind its name. */
  obstacle(peer: Peer): string | undefined;
}

/** A fingerprint that was asked for. */
export interface Identified {
  readonly name: string;
  readonly fingerprint: string;
  /** Of somebody else: who that is, and 12 groups of 5 digits for the pair. */
  readonly other?: { readonly standing: Standing; readonly safetyNumber: readonly string[] };
}

/** Where a relay listens, and how. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** The room's id. */
  readonly room: Uint8Array;
  /** Whether it speaks TLS, and nothing else. */
  readonly tls: boolean;
}

/** Turns what happens into lines of output; what it returns is fit for a terminal. */
export interface Presenter {
  /** A relay listens, and speaks TLS or not. */
  listening(relay: Listening): string[];
  /** Something happened to the member. */
  event(event: MemberEvent): string[];
  /** Something happened at a relay that has no member here. */
  relayEvent(event: RelayEvent): string[];
  /** A line was said by this member. */
  said(text: string, to: string | undefined, entered: Entered & { readonly ok: true }): string[];
  /** Who is here. */
  roster(members: readonly Peer[], self: OwnCredential): string[];
  /** Whose fingerprint. */
  fingerprint(identified: Identified): string[];
  /** A person decided about somebody; who is not here has a name only. */
  decided(verdict: Verdict, name: string, peer: Peer | undefined): string[];
  /** Who is given what is said, from now on, and who of those here is not. */
  locked(locked: boolean, leftOut: readonly Peer[]): string[];
  /** The commands of the chat. */
  help(): string[];
  /** Something that one may like to know. */
  notice(text: string): string[];
  /** Something that went wrong, and the chat goes on. */
  error(code: string, message: string): string[];
  /** A frame travelled. */
  wire(frame: WireFrame): string[];
}

/** Shows lines and says how far it has come. */
export interface Display {
  /** Shows lines, or nothing, and then counts a mark as reached. */
  print(lines: readonly string[], mark?: number): void;
  /** A promise that what has been printed so far is shown; undefined where it is. */
  caughtUp(): Promise<void> | undefined;
  /** Fulfilled with an error when nothing can be shown any longer. */
  readonly failed: Promise<unknown>;
  /** Why nothing can be shown any longer. */
  readonly failure: { readonly error: unknown } | undefined;
}
