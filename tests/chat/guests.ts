/**
 * Members of a room over TCP, with keys that the test process has made once.
 *
 * @module
 */

import { makeCredential, type OwnCredential } from "../../lib/chat/identity/credential.ts";
import { joinRoom, type MemberEvent, type Session } from "../../lib/tcp_chat.ts";
import { pooledKeys, until } from "./room.ts";

/** A member, and what it was told. */
export interface Guest {
  readonly session: Session;
  readonly events: MemberEvent[];
}

/** A credential that is good for an hour, with the pool's keys of a number. */
export async function guestCredential(name: string, index: number): Promise<OwnCredential> {
  return await makeCredential(name, await pooledKeys(index), Date.now() + 3_600_000);
}

/** Joins a room; it is in, or refused, when the promise is fulfilled. */
export async function visit(port: number, name: string, index: number): Promise<Guest> {
  const events: MemberEvent[] = [];
  const self = await guestCredential(name, index);
  const session = await joinRoom({ port, self, event: (event) => events.push(event) });
  await until(() => events.some(({ kind }) => kind === "ready" || kind === "ended"), "it is in");
  return { session, events };
}

/** Two members who have seen each other. */
export async function twoGuests(port: number): Promise<[Guest, Guest]> {
  const ada = await visit(port, "ada", 0);
  const bo = await visit(port, "bo", 1);
  await until(() => ada.events.some(({ kind }) => kind === "joined"), "ada has seen bo");
  return [ada, bo];
}

/** The texts that a member was shown. */
export function texts({ events }: Guest): string[] {
  return events.flatMap((event) => event.kind === "message" ? [event.text] : []);
}

/** Says something, and waits until another has been shown it. */
export async function say(from: Guest, to: Guest, text: string): Promise<void> {
  const entered = from.session.send(text);
  if (!entered.ok) throw new Error(entered.message);
  await until(() => texts(to).includes(text), `"${text.slice(0, 40)}" has been shown`);
}

/** Everybody leaves, and their connections end. */
export async function leave(...guests: readonly Guest[]): Promise<void> {
  for (const { session } of guests) session.leave();
  await Promise.all(guests.map(({ session }) => session.ended));
}
