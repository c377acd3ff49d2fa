/**
 * A conversation as a person reads it.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_hex.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { REASON_TEXT } from "../chat/reason.ts";
import type { Style } from "../chat/style.ts";
import { printable } from "../printable.ts";
import {
  hostPort,
  type MemberEvent,
  type OwnCredential,
  type Peer,
  type RelayEvent,
} from "../tcp_chat.ts";
import { CHAT_COMMANDS } from "./entry.ts";
import { faultText } from "./fault_text.ts";
import type { Presenter } from "./presenter.ts";
import { dumpFrame, type WireFrame } from "./wire_dump.ts";

const UNVERIFIED = "nobody here is verified: compare fingerprints some other way than by this chat";

/** Lines for people. */
export class Transcript implements Presenter {
  readonly #style: Style;
  /** Whether this side's own lines are repeated: a terminal's input line vanishes when it is sent. */
  readonly #echo: boolean;
  #present: Peer[] = [];
  #alone = false;

  /** Lines in a style. */
  constructor(style: Style, echo: boolean) {
    this.#style = style;
    this.#echo = echo;
  }

  listening({ hostname, port }: Deno.NetAddr, room: Uint8Array): string[] {
    return [
      this.#note(`listening on ${hostPort(hostname, port)}, room ${encodeHex(room.slice(0, 8))}`),
    ];
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        this.#present = [];
        return [this.#note(`you are ${this.#person(event.self)}`)];
      case "joined":
        return this.#joined(event.peer, event.present);
      case "ready":
        return this.#ready();
      case "left":
        return [this.#note(`${event.peer.credential.name} ${leftText(event.reason)}`)];
      case "message":
        return this.#message(event);
      case "unheard":
        return this.#unheard();
      case "confirmed":
        return [this.#note(`${event.peer.credential.name} is confirmed: it signs in this room`)];
      case "fault":
        return this.error(event.code, faultText(event));
      case "sent":
      case "delivered":
      case "ended":
        return [];
    }
  }

  relayEvent(event: RelayEvent): string[] {
    switch (event.kind) {
      case "joined":
        return [this.#note(`${this.#person(event.credential)} joined`)];
      case "left":
        return [this.#note(`${event.credential.name} ${leftText(event.reason)}`)];
      case "refused":
        return event.reason === "LOST" && event.detail === "" ? [] : [this.#note(
          `a connection was refused: ${REASON_TEXT[event.reason]}${
            event.detail === "" ? "" : ` (${printable(event.detail)})`
          }`,
        )];
    }
  }

  said(text: string, to: string | undefined): string[] {
    if (!this.#echo) return [];
    const who = to === undefined ? "you" : `you (to ${printable(to)} only)`;
    return this.#speech(this.#style.dim(who), text);
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    return members.map(({ credential, confirmed }) => {
      const mark = credential.key === self.key ? " (you)" : confirmed ? "" : " (unconfirmed)";
      return this.#note(`${this.#person(credential)}${mark}`);
    });
  }

  fingerprint(name: string, fingerprint: string, own: boolean): string[] {
    return [
      this.#note(`${own ? "your fingerprint is" : `the fingerprint of ${name} is`} ${fingerprint}`),
    ];
  }

  help(): string[] {
    return Object.entries(CHAT_COMMANDS).map(([usage, what]) =>
      this.#note(`${usage.padEnd(20)} ${what}`)
    ).concat(this.#note(`${"//TEXT".padEnd(20)} say a text that starts with a slash`));
  }

  notice(text: string): string[] {
    return [this.#note(printable(text))];
  }

  error(code: string, message: string): string[] {
    return [this.#style.red(`! ${printable(message)} (${code})`)];
  }

  wire(frame: WireFrame): string[] {
    return dumpFrame(frame).map((line) => this.#style.dim(line));
  }

  #joined(peer: Peer, present: boolean): string[] {
    if (present) {
      this.#present.push(peer);
      return [];
    }
    this.#alone = false;
    const unconfirmed = peer.confirmed ? "" : ", unconfirmed: it has signed nothing in this room";
    return [this.#note(`${this.#person(peer.credential)} joined${unconfirmed}`)];
  }

  #ready(): string[] {
    const here = this.#present.map(({ credential, confirmed }) =>
      this.#note(`here: ${this.#person(credential)}${confirmed ? "" : " (unconfirmed)"}`)
    );
    return here.length === 0
      ? [this.#note("nobody else is here yet")]
      : [...here, this.#note(UNVERIFIED)];
  }

  #message(event: MemberEvent & { readonly kind: "message" }): string[] {
    const { name } = event.from.credential;
    const who = this.#style.bold(name) + (event.private ? " (to you only)" : "");
    return this.#speech(who, event.text);
  }

  /** What nobody hears is said once, not for every line. */
  #unheard(): string[] {
    if (this.#alone) return [];
    this.#alone = true;
    return [this.#note("nobody is here to receive that")];
  }

  /** A text with its own lines; those after the first cannot pass for somebody else's. */
  #speech(who: string, text: string): string[] {
    const [first = "", ...rest] = text.split("\n").map(fit);
    return [`${who}: ${first}`, ...rest.map((line) => `  | ${line}`)];
  }

  #person({ name, fingerprint }: { readonly name: string; readonly fingerprint: string }): string {
    return `${this.#style.bold(name)} ${fingerprint}`;
  }

  #note(text: string): string {
    return `${this.#style.dim("*")} ${text}`;
  }
}

function fit(line: string): string {
  return printable(line.replaceAll("\t", "    "));
}

function leftText(reason: keyof typeof REASON_TEXT): string {
  return reason === "LEFT" ? "left" : `is gone: ${REASON_TEXT[reason]}`;
}
