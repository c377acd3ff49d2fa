// needs: nothing (about 20 s)

/**
 * The promise, under faults, in virtual time; and that the checker can fail.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { keyChange } from "../../lib/chat/member/own_chains.ts";
import { Shown, type ShownMark } from "../../lib/chat/member/peer_inbox.ts";
import { EVERYONE } from "../../lib/chat/member/roster.ts";
import { Relay } from "../../lib/chat/relay/relay.ts";
import type { Build } from "./build.ts";
import { HastyRelay, LossyRelay, SecretiveRelay } from "./relays.ts";
import { simulate } from "./run.ts";

/** So many seeds are run. */
const SEEDS = 200;
/** Within so many seeds, what is broken on purpose is to be noticed. */
const SEEDS_TO_NOTICE = 40;

Deno.test("in 200 runs everything is shown exactly once, in order, to those whom it was for", async () => {
  const failed: string[] = [];
  let shown = 0;
  const done = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await simulate(seed);
    shown += result.shown;
    for (const [what, count] of Object.entries(result.done)) {
      done.set(what, (done.get(what) ?? 0) + count);
    }
    for (const problem of result.problems) failed.push(`seed ${seed}: ${problem}`);
  }
  assertEquals(failed.slice(0, 10), []);
  assert(shown > 10_000, `${shown} messages were shown`);
  for (const what of ["cut", "stall", "killRelay", "whisper", "exclude", "lock", "overflow"]) {
    assert((done.get(what) ?? 0) > 20, `${what} happened too rarely: ${done.get(what)}`);
  }
});

Deno.test("a seed gives the same run again, byte for byte, and another seed another", async () => {
  const [one, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
  assertEquals(again, one);
  assertNotEquals(other.trace, one.trace);
});

Deno.test("a build that fails fails again in the same way", async () => {
  const build: Build = { hasty: true };
  const seed = (await firstToFail(build))!.seed;
  assertEquals(await simulate(seed, build), await simulate(seed, build));
});

/** The first run in which a build goes wrong. */
async function firstToFail(build: Build, problem = /./) {
  for (let seed = 1; seed <= SEEDS_TO_NOTICE; seed++) {
    const result = await simulate(seed, build);
    if (result.problems.some((one) => problem.test(one))) return result;
  }
  return undefined;
}

/** Forgets what it has shown whenever it changes rooms. */
class Forgetful extends Shown {
  override of(_member: string): ShownMark {
    return { number: 0 };
  }
}

const BROKEN: Readonly<Record<string, { readonly build: Build; readonly problem: RegExp }>> = {
  "a relay that acknowledges before it queues": {
    build: { relay: (options, clock) => new HastyRelay(options, clock) },
    problem: /is told that .* is delivered, which .* has not shown/,
  },
  "members that acknowledge before they show": {
    build: { hasty: true },
    problem: /is told that .* is delivered, which .* has not shown/,
  },
  "members that do not remember what they have shown": {
    build: { member: () => ({ shown: new Forgetful() }) },
    problem: /shows .* twice/,
  },
  "members that keep their chain when somebody leaves": {
    build: {
      member: () => ({
        keyChange: (holders, recipients, worn) => {
          const change = keyChange(holders, recipients, worn);
          return change === "chain" ? "none" : change;
        },
      }),
    },
    problem: /could be read by .*, for whom it was not/,
  },
  "members that seal to those whom they exclude": {
    build: { policy: () => EVERYONE },
    problem: /could be read by .*, for whom it was not/,
  },
  "members that ask whom they exclude only as a line is entered, and not as it is sealed": {
    build: {
      policy: (process) => ({
        obstacle: (peer) => process.entering ? process.trust.obstacle(peer) : undefined,
        hides: (peer) => process.trust.hides(peer),
      }),
    },
    problem: /could be read by .*, who was left out when it was sealed/,
  },
  "members that leave out whom nobody excluded": {
    build: {
      policy: (process) => ({
        obstacle: ({ credential }) => credential.name === "m1" ? "is m1" : undefined,
        hides: (peer) => process.trust.hides(peer),
      }),
    },
    problem: /is told that .* is delivered, which m1\.\d+ has not shown/,
  },
  "a relay that keeps renewals to itself": {
    build: { relay: (options) => new SecretiveRelay(options) },
    problem: /finds fault: CREDENTIAL_EXPIRED/,
  },
  "members that do not renew": {
    // The clock of each stands still, so that half of no credential's time is ever over.
    build: { member: () => ({ now: () => 1_700_000_000_000 }) },
    problem: /CREDENTIAL_EXPIRED/,
  },
  "members that keep to themselves who has not shown a line": {
    build: { silent: true },
    problem: /is not told that .*, who has gone, has not shown/,
  },
  "members that are not told what they missed": {
    build: { silent: true },
    problem: /was given up, is back, and is not told what it missed/,
  },
  "a relay that drops frames for a member whose queue is full": {
    build: { relay: (options) => new LossyRelay(options) },
    problem: /is told that .* is delivered, which .* has not shown/,
  },
  "a relay that keeps a member whose queue has overflowed": {
    build: {
      relay: (options) => new Relay({ ...options, queue: { frames: 10_000, bytes: 4 << 20 } }),
    },
    problem: /is kept in the room, though its queue has overflowed/,
  },
};

for (const [what, { build, problem }] of Object.entries(BROKEN)) {
  Deno.test(`the checker notices ${what}`, async () => {
    const result = await firstToFail(build, problem);
    assert(result !== undefined, `nothing was noticed in ${SEEDS_TO_NOTICE} runs`);
    assert(result.problems.some((one) => problem.test(one)), result.problems.join("\n"));
  });
}
