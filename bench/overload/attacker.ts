/**
 * A process that attacks a relay until it is ended: `attacker.ts ATTACK PORT`. It prints a line when it begins and, for
 * an attack that ends by itself, another one at the end.
 *
 * @module
 */

import {
  generateMemberKeys,
  makeCredential,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";
import { CREDENTIAL_LIFE_MS } from "../../lib/chat/identity/signing.ts";
import { encodeEmpty } from "../../lib/chat/wire/control.ts";
import { encodeGreeting, KIND } from "../../lib/chat/wire/kinds.ts";
import { absent, asks, enter, junk, steps } from "./costs.ts";
import { RawSocket } from "../../tests/chat/raw_socket.ts";
import { repeated, unsignedFrame } from "../../tests/chat/sealed_frame.ts";
import { makeCredentials } from "../chat/crowd/credentials.ts";

/** How many connections the attacks keep or open at the same time. */
const MANY = 1_000;
const TURNS = 10_000;
const AT_ONCE = 50;
const GUESTS = 60;
const FLOODERS = 5;
const IDENTITIES = 8;
const NAMES = 60;

type Attack = (port: number) => Promise<void>;

const ATTACKS: Readonly<Record<string, Attack>> = {
  guests,
  pending,
  joins,
  flood,
  floods,
  stuck,
  turns,
  steps: byNewcomer(steps),
  asks: byNewcomer(asks),
  absent: byNewcomer(absent),
  junk: byNewcomer(junk),
};

function byNewcomer(
  attack: (port: number, self: OwnCredential, begun: () => void) => Promise<void>,
): Attack {
  return async (port) => await attack(port, await newcomer("eve"), begun);
}

/** No attack: {@linkcode GUESTS} members join and leave, {@linkcode AT_ONCE} at a time. */
async function guests(port: number): Promise<void> {
  const credentials = await makeCredentials(GUESTS, "guest");
  begun();
  for (let i = 0; i < GUESTS; i += AT_ONCE) {
    await Promise.all(credentials.slice(i, i + AT_ONCE).map((self) => joinOnce(port, self)));
  }
}

/** A thousand connections that greet and never join; who is ended comes again. */
async function pending(port: number): Promise<void> {
  const hold = async () => {
    while (true) {
      using socket = await RawSocket.dial(port);
      await socket.send(encodeGreeting(""));
      await socket.bye();
    }
  };
  await Promise.all([begun(), ...Array.from({ length: MANY }, () => ignoringResets(hold))]);
}

/** A thousand joins a second, by many identities. */
async function joins(port: number): Promise<void> {
  const credentials = await manyNewcomers();
  begun();
  const open = new Set<Promise<void>>();
  let made = 0;
  const started = performance.now();
  while (true) {
    const due = (performance.now() - started) / 1000 * MANY;
    // A thousand a second are asked for, whether or not those before have been answered.
    for (; made < due && open.size < MANY; made++) {
      const self = credentials[made % credentials.length]!;
      const joining = joinOnce(port, self).finally(() => open.delete(joining));
      open.add(joining);
    }
    made = Math.max(made, Math.floor(due));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Made before the attack begins: making them costs more than the relay's checking them. */
async function manyNewcomers(): Promise<OwnCredential[]> {
  const made: OwnCredential[][] = [];
  for (let i = 0; i < IDENTITIES; i++) made.push(await makeCredentials(NAMES, `joiner-${i}`));
  // One after another of different identities, so that none of them joins too often.
  return Array.from(
    { length: IDENTITIES * NAMES },
    (_, i) => made[i % IDENTITIES]![Math.floor(i / IDENTITIES)]!,
  );
}

async function joinOnce(port: number, self: OwnCredential): Promise<void> {
  await ignoringResets(async () => {
    using socket = await RawSocket.dial(port);
    await socket.join(self);
    await socket.send(encodeEmpty(KIND.leave));
    await socket.bye();
  });
}

/** Several that do what one does: each drowns the others too, and comes again where it is ended for that. */
async function floods(port: number): Promise<void> {
  const again = async (_: unknown, i: number) => {
    while (true) await ignoringResets(() => flood(port, `flood-${i}`));
  };
  await Promise.race(Array.from({ length: FLOODERS }, again));
}

/** A member that sends at full speed, and reads what comes. */
async function flood(port: number, name = "flood"): Promise<void> {
  const self = await newcomer(name);
  const entered = await enter(port, self);
  using socket = entered.socket;
  begun();
  const frames = repeated(unsignedFrame(entered.number, 200), 500);
  const reading = (async () => {
    while (await socket.read() !== undefined);
  })();
  const sending = (async () => {
    while (true) await socket.send(frames);
  })();
  await Promise.race([reading, sending]);
}

/** A member that never reads, and one that sends it all that it may; ended, it comes again. */
async function stuck(port: number): Promise<void> {
  const self = await newcomer("stuck");
  const flooding = flood(port);
  const standing = (async () => {
    while (true) {
      using socket = await RawSocket.dial(port);
      await socket.join(self);
      await new Promise((resolve) => setTimeout(resolve, 12_000));
    }
  })();
  await Promise.race([flooding, standing]);
}

/** Ten thousand connections in turn, each with a greeting or with nonsense. */
async function turns(port: number): Promise<void> {
  begun();
  let left = TURNS;
  const greeting = encodeGreeting("");
  const nonsense = crypto.getRandomValues(new Uint8Array(2_000));
  const worker = async () => {
    while (left-- > 0) {
      const bytes = left % 2 === 0 ? greeting : nonsense;
      await ignoringResets(async () => {
        using socket = await RawSocket.dial(port);
        await socket.send(bytes);
        await socket.read();
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  console.log("over");
}

async function newcomer(name: string): Promise<OwnCredential> {
  const keys = await generateMemberKeys({ identityBits: 2048 });
  return await makeCredential(name, keys, Date.now() + CREDENTIAL_LIFE_MS);
}

/** A relay that ends a connection may do so by a reset. */
async function ignoringResets(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const { ConnectionReset, BrokenPipe } = Deno.errors;
    if (error instanceof ConnectionReset || error instanceof BrokenPipe) return;
    if (error instanceof Error && /^no (challenge|roster)/.test(error.message)) return;
    if (error instanceof Error && error.message.endsWith("without a word")) return;
    throw error;
  }
}

function begun(): void {
  console.log("begun");
}

const [name, port] = Deno.args;
await ATTACKS[name!]!(Number(port));
