/**
 * Attacks that make others work: the attacker sends little, with valid signatures if the attack needs them.
 *
 * @module
 */

import { type Bytes, secureRandom } from "../../lib/base/bytes.ts";
import {
  checkCredential,
  type Credential,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";
import { sign } from "../../lib/chat/identity/signing.ts";
import {
  commitmentTo,
  MAX_STEPS,
  messageKey,
  nextKey,
  vectorOf,
} from "../../lib/chat/seal/chain.ts";
import { PairSender } from "../../lib/chat/seal/pairwise.ts";
import { encodeMessages, encodeTexts } from "../../lib/chat/wire/content.ts";
import { encodeRoute, readRosterPage } from "../../lib/chat/wire/control.ts";
import { encodeEntries, encodeSealed, sealedBound } from "../../lib/chat/wire/envelope.ts";
import { checkOf, RosterHistory } from "../../lib/chat/wire/history.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import { concatBytes } from "../../tests/chat/raw_frames.ts";
import { RawSocket } from "../../tests/chat/raw_socket.ts";
import { repeated, unsignedFrame } from "../../tests/chat/sealed_frame.ts";

/** How many frames are made before the attack by steps begins. */
const FAR_FRAMES = 60;
/** Junk joins a second. */
const JUNK = 200;
const ABSENT = 10_000;
/** The number of the first member that is not there. */
const FIRST_ABSENT = 1_000_000;

/** A member that it met, and its number. */
interface Met {
  readonly number: number;
  readonly credential: Credential;
}

/** A member in the room, and the members that it met. */
interface Entered {
  readonly socket: RawSocket;
  readonly room: Bytes;
  readonly number: number;
  /** The context of the version that its joining made. */
  readonly context: Bytes;
  readonly peers: readonly Met[];
}

/** Joins, and reads the roster. */
export async function enter(port: number, self: OwnCredential): Promise<Entered> {
  const socket = await RawSocket.dial(port);
  await socket.answer(self);
  const frame = await socket.read();
  if (frame?.kind !== KIND.roster) throw new Error(`no roster came, but ${frame?.kind}`);
  const { room, version, context, listings } = readRosterPage(frame.payload);
  const peers = await Promise.all(listings.map(async ({ number, credential }) => ({
    number,
    credential: await checkCredential(credential, Date.now()),
  })));
  const members = peers.map(({ credential }) => credential.member);
  const history = new RosterHistory({ room, version, context, members });
  const own = await history.add("joined", self.member);
  return { socket, room, number: version + 1, context: own, peers };
}

/** Makes a pairwise key for a member. */
function pairTo({ room }: Entered, self: OwnCredential, { credential }: Met): Promise<PairSender> {
  const pair = { room, sender: self.member, recipient: credential.member };
  return PairSender.to(pair, credential.session, secureRandom);
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
  const entered = await enter(port, self);
  const { socket, room, number, context, peers } = entered;
  const { member: sender, keys: { signing: { privateKey } } } = self;
  const scope = { room, sender, chain: 0 };
  let key = secureRandom(32);
  const grant = { kind: "grant", chain: 0, step: 0, key, next: 1, last: 0 } as const;
  const at = { version: number, context };
  for (const peer of peers) {
    const pair = await pairTo(entered, self, peer);
    const numbers = { sender: number, recipient: peer.number };
    await socket.send(await pair.seal(numbers, at, encodeMessages([grant]), privateKey));
  }
  const frames: Bytes[] = [];
  for (let step = 0; frames.length < FAR_FRAMES; step++) {
    if (step > 0) key = await nextKey(scope, step - 1, key);
    if (step % MAX_STEPS !== 0) continue;
    const place = { sender: number, route: 0, number: step + 1, version: number };
    const header = { ...place, chain: 0, step, check: checkOf(context) };
    const commitment = await commitmentTo(scope, step, key);
    const bound = sealedBound(header, { room, sender, context, commitment });
    const text = encodeTexts([{ time: Date.now(), text: "far" }]);
    const raw = await messageKey(scope, step, key);
    const sealing = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
    const algorithm = { name: "AES-GCM", iv: vectorOf(step + 1), additionalData: bound };
    const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, sealing, text));
    const signature = await sign(privateKey, concatBytes(bound, ciphertext));
    frames.push(encodeSealed({ header, ciphertext, signature }));
  }
  begun();
  for (const frame of frames) await socket.send(frame);
  while (await socket.read() !== undefined);
}

/** Asks for receipts without end, each one valid, to one and then to the other. */
export async function asks(port: number, self: OwnCredential, begun: () => void): Promise<void> {
  const entered = await enter(port, self);
  const { socket, number, context, peers } = entered;
  const { privateKey } = self.keys.signing;
  const nothing = new Uint8Array(0);
  const at = { version: number, context };
  const pairs = await Promise.all(peers.map(async (peer) => {
    const pair = await pairTo(entered, self, peer);
    await socket.send(
      await pair.seal({ sender: number, recipient: peer.number }, at, nothing, privateKey),
    );
    return { pair, recipient: peer.number };
  }));
  begun();
  const asking = async () => {
    while (true) {
      const asked = pairs.map(({ pair, recipient }) => pair.ask(recipient, at, nothing));
      for (const frame of encodeEntries(KIND.ask, await Promise.all(asked))) {
        await socket.send(frame);
      }
    }
  };
  const reading = async () => {
    while (await socket.read() !== undefined);
  };
  await Promise.race([asking(), reading()]);
}

/** Frames to ten thousand who are not there. */
export async function absent(port: number, self: OwnCredential, begun: () => void): Promise<void> {
  const { socket, number } = await enter(port, self);
  const members = Array.from({ length: ABSENT }, (_, i) => FIRST_ABSENT + i);
  await socket.send(encodeRoute({ route: 1, except: false, members }));
  begun();
  await flood(socket, repeated(unsignedFrame(number, 48, 1), 500));
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
