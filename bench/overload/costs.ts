/**
 * Attacks that make others work: the attacker sends little, with valid signatures if the attack needs them.
 *
 * @module
 */

import { type Bytes, secureRandom, utf8 } from "../../lib/base/bytes.ts";
import {
  checkCredential,
  type Credential,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";
import { CONTEXT, inContext, sign } from "../../lib/chat/identity/signing.ts";
import {
  audienceDigest,
  commitmentTo,
  MAX_STEPS,
  messageKey,
  nextKey,
  vectorOf,
} from "../../lib/chat/seal/chain.ts";
import { KeySender } from "../../lib/chat/seal/pairwise.ts";
import { encodeAudience, readRosterPage } from "../../lib/chat/wire/control.ts";
import {
  CONVERSATION,
  encodeProgressBody,
  encodeSealedHeader,
  encodeSigned,
  encodeTexts,
} from "../../lib/chat/wire/envelope.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import { RawSocket } from "../../tests/chat/raw_socket.ts";
import { repeated, unsignedFrame } from "../../tests/chat/sealed_frame.ts";

/** How many frames are made before the attack by steps begins. */
const FAR_FRAMES = 60;
/** Junk joins a second. */
const JUNK = 200;
const ABSENT = 10_000;

/** A member in the room, and the members that it met. */
interface Entered {
  readonly socket: RawSocket;
  readonly room: Bytes;
  readonly number: number;
  readonly peers: readonly Credential[];
}

async function enter(port: number, self: OwnCredential): Promise<Entered> {
  const socket = await RawSocket.dial(port);
  const room = await socket.answer(self);
  const frame = await socket.read();
  if (frame?.kind !== KIND.roster) throw new Error(`a frame of kind ${frame?.kind} came`);
  const { number, listings } = readRosterPage(frame.payload);
  const peers = await Promise.all(
    listings.map(({ credential }) => checkCredential(credential, Date.now())),
  );
  return { socket, room, number, peers };
}

/** Sends the same again and again, and reads what comes. */
async function flood(socket: RawSocket, bytes: Bytes): Promise<void> {
  const reading = (async () => {
    while (await socket.read() !== undefined);
  })();
  const sending = (async () => {
    while (true) await socket.send(bytes);
  })();
  await Promise.race([reading, sending]);
}

/** Frames each a thousand steps on, and a thousand numbers; the way there is signed and committed to. */
export async function steps(port: number, self: OwnCredential, begun: () => void): Promise<void> {
  const { socket, room, number, peers } = await enter(port, self);
  const { member: sender, keys } = self;
  const { privateKey } = keys.signing;
  const scope = { room, sender, conversation: CONVERSATION.group, chain: 0 };
  let key = secureRandom(32);
  const grant = {
    conversation: scope.conversation,
    chain: 0,
    step: 0,
    firstCounter: 0,
    commitment: await commitmentTo(scope, 0, key),
  };
  for (const peer of peers) {
    const giver = await KeySender.to(room, sender, peer, secureRandom);
    await socket.send(await giver.give(grant, key, privateKey));
  }
  const recipients = await audienceDigest([sender, ...peers.map(({ member }) => member)]);
  const frames: Bytes[] = [];
  for (let step = 0; frames.length < FAR_FRAMES; step++) {
    if (step > 0) key = await nextKey(scope, step - 1, key);
    if (step % MAX_STEPS !== 0) continue;
    const address = { audience: 0, membership: number, newest: number, recipients };
    const commitment = await commitmentTo(scope, step, key);
    const header = encodeSealedHeader({ ...scope, ...address, step, counter: step, commitment });
    const additionalData = inContext(CONTEXT.sealed, room, header);
    const text = encodeTexts([{ number: step + 1, time: Date.now(), text: utf8("far") }]);
    const ciphertext = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: vectorOf(step), additionalData },
      await messageKey(scope, step, key, recipients, "encrypt"),
      text,
    );
    const body = new Uint8Array([...header, ...new Uint8Array(ciphertext)]);
    const signature = await sign(privateKey, inContext(CONTEXT.sealed, room, body));
    frames.push(encodeSigned(KIND.sealed, body, signature));
  }
  begun();
  for (const frame of frames) await socket.send(frame);
  while (await socket.read() !== undefined);
}

/** The same signed question again and again, to one and then to the other. */
export async function questions(
  port: number,
  self: OwnCredential,
  begun: () => void,
): Promise<void> {
  const { socket, room, peers } = await enter(port, self);
  const asked = await Promise.all(peers.map(async ({ member: recipient }) => {
    const body = encodeProgressBody({ sender: self.member, recipient, asks: true, shown: 0 });
    const signed = inContext(CONTEXT.progress, room, body);
    const signature = await sign(self.keys.signing.privateKey, signed);
    return [...encodeSigned(KIND.progress, body, signature)];
  }));
  begun();
  await flood(socket, repeated(new Uint8Array(asked.flat()), 100));
}

/** Frames to ten thousand who are not there. */
export async function audiences(
  port: number,
  self: OwnCredential,
  begun: () => void,
): Promise<void> {
  const { socket } = await enter(port, self);
  const absent = Array.from({ length: ABSENT }, () => secureRandom(32));
  await socket.send(encodeAudience(1, absent));
  begun();
  await flood(socket, repeated(unsignedFrame(self.member, 17, 1), 500));
}

/** Two hundred joins a second whose proof does not hold. */
export async function junk(port: number, self: OwnCredential, begun: () => void): Promise<void> {
  begun();
  const started = performance.now();
  for (let made = 0;; made++) {
    const due = made / JUNK * 1000 - (performance.now() - started);
    if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
    const join = async () => {
      using socket = await RawSocket.dial(port);
      await socket.answer(self, new Uint8Array(32));
      await socket.bye();
    };
    join().catch(() => {}); // the relay ends it, by a reset or otherwise
  }
}
