/**
 * A conversation as a program reads it: one JSON object a line.
 *
 * Field names are an interface: later versions only add.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_hex.d.ts"
import { encodeHex } from "@std/encoding/hex";
import type { Entered, MemberEvent, OwnCredential, Peer, RelayEvent } from "../tcp_chat.ts";
import { CHAT_COMMANDS } from "./entry.ts";
import { faultText } from "./fault_text.ts";
import type { Presenter } from "./presenter.ts";
import { frameFields, type WireFrame } from "./wire_dump.ts";

/** Lines for programs. */
export class Report implements Presenter {
  listening({ hostname, port }: Deno.NetAddr, room: Uint8Array): string[] {
    return [line("listening", { host: hostname, port, room: encodeHex(room) })];
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        return [joined(event.self, true, true)];
      case "joined":
        return [joined(event.peer.credential, false, event.peer.confirmed)];
      case "left":
        return [line("left", { name: event.peer.credential.name, reason: event.reason })];
      case "message":
        return [message(event)];
      case "sent":
        return [line("sent", { id: event.line.id, text: event.line.shown })];
      case "delivered":
        return [line("delivered", { id: event.line.id })];
      case "unheard":
        // Nobody is there who lacks it: it is sent, and delivered, to nobody.
        return [
          line("sent", { id: event.line.id, text: event.line.shown, recipients: 0 }),
          line("delivered", { id: event.line.id, recipients: 0 }),
        ];
      case "confirmed":
        return this.notice(`${event.peer.credential.name} is confirmed: it signs in this room`);
      case "fault":
        return [fault(event)];
      case "ready":
      case "ended":
        return [];
    }
  }

  relayEvent(event: RelayEvent): string[] {
    switch (event.kind) {
      case "joined":
        return [joined(event.credential, false, true)];
      case "left":
        return [line("left", { name: event.credential.name, reason: event.reason })];
      case "refused":
        return [line("refused", { reason: event.reason, detail: event.detail })];
    }
  }

  said(
    _text: string,
    _to: string | undefined,
    _entered: Entered & { readonly ok: true },
  ): string[] {
    return [];
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    return [line("roster", {
      members: members.map(({ credential: { key, name, fingerprint }, confirmed }) => ({
        name,
        fingerprint,
        self: key === self.key,
        confirmed,
      })),
    })];
  }

  fingerprint(name: string, fingerprint: string, own: boolean): string[] {
    return [line("fingerprint", { name, fingerprint, self: own })];
  }

  help(): string[] {
    const commands = Object.entries(CHAT_COMMANDS).map(([usage, help]) => ({ usage, help }));
    return [line("help", { commands })];
  }

  notice(text: string): string[] {
    return [line("notice", { text })];
  }

  error(code: string, message: string): string[] {
    return [line("error", { code, message })];
  }

  wire(frame: WireFrame): string[] {
    return [line("wire", frameFields(frame))];
  }
}

function line(event: string, fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ event, at: new Date().toISOString(), ...fields });
}

function joined(
  { name, fingerprint }: { readonly name: string; readonly fingerprint: string },
  self: boolean,
  confirmed: boolean,
): string {
  return line("joined", { name, fingerprint, self, confirmed });
}

function message(event: MemberEvent & { readonly kind: "message" }): string {
  const { name, fingerprint } = event.from.credential;
  const { text, id } = event;
  return line("message", { from: name, fingerprint, text, id, private: event.private });
}

function fault(event: MemberEvent & { readonly kind: "fault" }): string {
  const { code, peer, count } = event;
  const from = peer === undefined ? {} : { from: peer.credential.name };
  return line("error", { code, message: faultText(event), ...from, count });
}
