// needs: nothing

/**
 * Changes to the known peers that a page writes together.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { KnownPeers, type KnownPeersChange } from "../../lib/chat/trust/known_peers.ts";
import { Gathered } from "../../web/gathered.ts";

const FINGERPRINT = `SHA256:${"b".repeat(42)}A`;

function change(name: string, kind: "meet" | "verify" = "meet"): KnownPeersChange {
  return { kind, name, fingerprint: FINGERPRINT, at: 0 };
}

/** What gathers changes, and writes that end and pauses that are over when the test says so. */
function gathered() {
  const writes: string[][] = [];
  const told: string[] = [];
  const known = KnownPeers.parse("");
  let ending: PromiseWithResolvers<void> | undefined;
  let pause: (() => void) | undefined;
  const gathered = new Gathered({
    write: async (changes) => {
      writes.push(changes.map(({ name }) => name));
      ending = Promise.withResolvers();
      await ending.promise;
      for (const one of changes) known.apply(one);
      return KnownPeers.parse(known.text);
    },
    kept: (known) => told.push(known.text.replaceAll(/ .*\n/g, " ").trim()),
    failed: (error) => told.push(String(error)),
    later: (run) => pause = run,
  });
  // The writes take turns of the microtask queue alone.
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  const ends = async (failure?: string) => {
    if (failure === undefined) ending!.resolve();
    else ending!.reject(failure);
    await turn();
  };
  const passes = async () => {
    pause!();
    await turn();
  };
  const add = async (...changes: KnownPeersChange[]) => {
    for (const one of changes) gathered.add(one);
    await turn();
  };
  return { gathered, writes, told, ends, passes, add };
}

Deno.test("thousands of members that are met while one is written are written together", async () => {
  const { writes, told, ends, passes, add } = gathered();
  await add(change("bo"));
  assertEquals(writes, [["bo"]], "the first one at once");
  const guests = Array.from({ length: 2_000 }, (_, i) => change(`guest${i}`));
  for (const guest of guests) await add(guest);
  await ends();
  assertEquals(writes.length, 1);
  assertEquals(told[0]?.split(" ").length, 2_001, "what waits is known");
  await passes();
  assertEquals([writes.length, writes[1]?.length], [2, 2_000]);
  await ends();
  await passes();
  assertEquals(writes.length, 2);
  await add(change("cy"), change("di"));
  assertEquals(writes.slice(2), [["cy", "di"]], "what one turn brings is written together");
});

Deno.test("a decision of the person waits for no pause, and takes along what waits", async () => {
  const { writes, ends, add } = gathered();
  await add(change("bo"));
  await add(change("cy"), change("bo", "verify"));
  await ends();
  assertEquals(writes, [["bo"], ["cy", "bo"]]);
  await ends();
  await add(change("di"));
  assertEquals(writes.length, 2);
  await add(change("cy", "verify"));
  assertEquals(writes.slice(2), [["di", "cy"]]);
});

Deno.test("a page that goes away knows what is not written", async () => {
  const { gathered: one, ends, add } = gathered();
  const names = (changes: readonly KnownPeersChange[]) => changes.map(({ name }) => name);
  await add(change("bo"));
  await add(change("cy"));
  assertEquals([names(one.unwritten), names(one.waiting)], [["bo", "cy"], ["cy"]]);
  await ends();
  assertEquals(names(one.unwritten), ["cy"]);
  one.flush();
  await add();
  await ends();
  assertEquals(names(one.unwritten), []);
});

Deno.test("what could not be written is told once, and tried again with the next change", async () => {
  const { writes, told, ends, passes, add } = gathered();
  await add(change("bo"));
  await ends("full");
  await passes();
  assertEquals([writes.length, told], [1, ["full"]]);
  await add(change("cy"));
  await ends("full");
  await passes();
  await add(change("di"));
  assertEquals(writes.slice(1), [["bo", "cy"], ["bo", "cy", "di"]]);
  await ends();
  assertEquals(told, ["full", "bo cy di"]);
});
