/**
 * A person who invites a guest, in this process.
 *
 * @module
 */

import type { Bytes } from "../../../lib/base/bytes.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import { Invitations, type MadeInvitation } from "../../../lib/chat/trust/invitations.ts";
import { invitationLink, inviterOf } from "../../../lib/chat/wire/invitation.ts";
import { type Guest, guestCredential, visit } from "../guests.ts";
import { until } from "../room.ts";

/** The key of the inviter. */
const KEY = 0;

/** Somebody named bo, who has made an invitation and may not be in the room yet. */
export class Inviter {
  private constructor(
    readonly port: number,
    readonly invitation: MadeInvitation,
    readonly link: string,
    readonly fingerprint: string,
    readonly book: Invitations,
  ) {}

  /** Makes an invitation to the room without a name of a relay on this machine. */
  static async make(port: number): Promise<Inviter> {
    const { fingerprint } = await guestCredential("bo", KEY);
    const book = new Invitations();
    const invitation = (await book.make({ room: "" }))!;
    const { secret } = invitation;
    const target = { host: "127.0.0.1", port, room: "", secret, inviter: inviterOf(fingerprint) };
    return new Inviter(port, invitation, invitationLink(target), fingerprint, book);
  }

  /** Joins the room, and answers one guest. */
  async join(): Promise<Guest> {
    const bo = await visit(this.port, "bo", KEY);
    const proof = () => bo.events.find((event) => event.kind === "notice");
    await until(() => proof() !== undefined, "a proof");
    const { peer, body } = proof() as MemberEvent & { readonly kind: "notice" };
    const at = { room: roomOf(bo), self: bo.session.self.member };
    const taken = await this.book.take(peer, body, at);
    bo.session.sendNotice(peer, "invitation", taken!.answer!);
    return bo;
  }
}

/** The id of the room that a member is in. */
export function roomOf({ events }: Guest): Bytes {
  const admitted = events.find((event) => event.kind === "admitted");
  if (admitted?.kind !== "admitted") throw new Error("it is not in a room");
  return admitted.room;
}
