// needs: nothing (about 85 s)

/**
 * The promise, under faults, in virtual time; and that the checker can fail.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Member } from "../../lib/chat/member/member.ts";
import { readInvitationNotice } from "../../lib/chat/wire/invitation.ts";
import { BROKEN } from "./broken.ts";
import { type Build, replacing } from "./build.ts";
import { FRAME_LIES, HISTORY_LIES } from "./lies.ts";
import { simulate } from "./run.ts";

/** So many seeds are run. */
const SEEDS = 200;
/** Within so many seeds, what is broken on purpose is to be noticed. */
const SEEDS_TO_NOTICE = 80;

Deno.test("in 200 runs every message is shown exactly once, in order, to its recipients", async () => {
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
  for (const what of ["cut", "stall", "killRelay", "whisper", "exclude", "lock"]) {
    assert((done.get(what) ?? 0) > 20, `${what} happened too rarely: ${done.get(what)}`);
  }
  assert((done.get("invited") ?? 0) > 20, `${done.get("invited")} guests were accepted`);
  // A flood is half the work of a run, and what overflows in it is tested alone as well.
  assert((done.get("flood") ?? 0) > 5, `flood happened too rarely: ${done.get("flood")}`);
  for (const lie of [...FRAME_LIES, ...HISTORY_LIES]) {
    assert((done.get(lie) ?? 0) > 0, `${lie} was never told`);
  }
});

Deno.test("a seed repeats its run byte for byte, and another seed gives another run", async () => {
  const [one, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
  assertEquals(again, one);
  assertNotEquals(other.trace, one.trace);
});

Deno.test("a failing build fails again in the same way", async () => {
  const build: Build = { hasty: true };
  const seed = (await firstToFail(build))!.seed;
  assertEquals(await simulate(seed, build), await simulate(seed, build));
});

Deno.test("a proof that is on its way when a run ends is no fault", async () => {
  // Inviters answer nothing, so that their guest proves itself to the end. In seed 4 a proof is the last that is sent.
  const unanswered = replacing(
    Member.prototype,
    "sendNotice",
    (sendNotice) =>
      function (this: Member, peer, notice, body) {
        return readInvitationNotice(body).kind === "proof" &&
          sendNotice.call(this, peer, notice, body);
      },
  );
  const build: Build = { invites: true, liars: false, loud: false, breaks: [unanswered] };
  for (let seed = 1; seed <= 6; seed++) {
    const { problems, done } = await simulate(seed, build);
    assertEquals({ seed, problems, invited: done["invited"] }, { seed, problems: [], invited: 0 });
  }
});

/** The first run in which a build goes wrong. */
async function firstToFail(build: Build, problem = /./) {
  for (let seed = 1; seed <= SEEDS_TO_NOTICE; seed++) {
    const result = await simulate(seed, build);
    if (result.problems.some((one) => problem.test(one))) return result;
  }
  return undefined;
}

for (const [what, { build, problem }] of Object.entries(BROKEN)) {
  Deno.test(`the checker notices ${what}`, async () => {
    const result = await firstToFail(build, problem);
    assert(result !== undefined, `nothing was noticed in ${SEEDS_TO_NOTICE} runs`);
    assert(result.problems.some((one) => problem.test(one)), result.problems.join("\n"));
  });
}
