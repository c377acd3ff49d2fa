// needs: net read=.

/**
 * What the specification and the code say alike.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  CLOCK_SKEW_MS,
  CONTEXT,
  CREDENTIAL_LIFE_MS,
  RENEWAL_LIFE_MS,
  RENEWAL_RESERVE_MS,
  SIGNATURE_BYTES,
  SIGNING_KEY_BYTES,
} from "../../lib/chat/identity/signing.ts";
import {
  MAX_FRAMES,
  MAX_GAPS,
  MAX_SENDERS,
  MAX_UNACCEPTED_BYTES,
} from "../../lib/chat/member/acknowledger.ts";
import { JOIN_TIMEOUT_MS } from "../../lib/chat/member/connection.ts";
import { REPAIRS } from "../../lib/chat/member/contacts.ts";
import { MAX_KEPT_BYTES, MAX_PARTED } from "../../lib/chat/member/deliveries.ts";
import { MAX_UNREAD_BYTES } from "../../lib/chat/member/member.ts";
import { FAULTS, PEER_TARIFF } from "../../lib/chat/member/options.ts";
import { ACCEPT_MS } from "../../lib/chat/member/sender.ts";
import { MAX_CONTACTS } from "../../lib/chat/member/stay.ts";
import { HASHED_MEMBERS } from "../../lib/chat/member/time.ts";
import { JOIN_DEADLINE_MS } from "../../lib/chat/relay/connection.ts";
import { PROBE_MS } from "../../lib/chat/relay/member.ts";
import {
  DEFAULT_MAX_MEMBERS,
  DEFAULT_MAX_ROOMS,
  LOOKUP_BYTES,
} from "../../lib/chat/relay/options.ts";
import { LAST_STEP, MAX_STEPS } from "../../lib/chat/seal/chain.ts";
import { MAX_UNWRAPPED } from "../../lib/chat/seal/pairwise.ts";
import {
  ANSWER_MS,
  ATTEMPTS_OF_ALL,
  ATTEMPTS_OF_ONE,
  MAX_REMEMBERED,
  SHOWN_MS,
} from "../../lib/chat/trust/words.ts";
import { MAX_NOTICE_BYTES, MAX_TEXT_BYTES, MESSAGE, NOTICES } from "../../lib/chat/wire/content.ts";
import {
  INVITATION_LIFE_MS,
  MAX_GUESTS,
  MAX_PROOFS,
  PROVE_AGAIN_MS,
} from "../../lib/chat/trust/invitations.ts";
import {
  INVITATION_ANSWERS,
  INVITATION_SECRET_BYTES,
  INVITER_BYTES,
  MAX_LINK_LENGTH,
} from "../../lib/chat/wire/invitation.ts";
import { SEALED_HEADER_BYTES, TAG_BYTES } from "../../lib/chat/wire/envelope.ts";
import { KEPT_CONTEXTS } from "../../lib/chat/wire/history.ts";
import {
  DEAD_AFTER_MS,
  isCounted,
  KIND,
  MAX_ROOM_NAME_BYTES,
  MAX_ROSTER,
  memberBound,
  PING_AFTER_MS,
  REASONS,
  relayBound,
} from "../../lib/chat/wire/kinds.ts";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url);
const ignore = !granted("read=.");
const spec = ignore ? "" : await Deno.readTextFile(new URL("docs/protocol.md", ROOT));

/** The specification in one line, so that a sentence is found wherever its lines break. */
const prose = spec.replaceAll(/\s+/g, " ");

/** The rows of the table under a heading, as trimmed cells. */
function table(heading: string): string[][] {
  const section = spec.slice(spec.indexOf(heading));
  const rows = /^\|.*\n\|[ -|]*\n((?:\|.*\n)+)/m.exec(section)![1]!;
  return rows.trim().split("\n").map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

Deno.test({
  name: "the specification has the contexts of the code",
  ignore,
  fn() {
    const decoder = new TextDecoder();
    const code = Object.entries(CONTEXT).map(([name, bytes]) => [name, decoder.decode(bytes)]);
    const text = table("## 2. Notation").map(([name, bytes]) => [
      name!,
      bytes!.replaceAll("`", "").replace("\\0", "\0"),
    ]);
    assertEquals(text, code);
  },
});

Deno.test({
  name: "the specification has the kinds and bounds of the code",
  ignore,
  fn() {
    const rows = table("## 4. Kinds and bounds");
    assertEquals(rows.map(([kind, name]) => [name, Number(kind)]), Object.entries(KIND));
    for (const [kind, name, from, bound, counted] of rows) {
      const number = Number(kind);
      assertEquals(counted === "yes", isCounted(number), name);
      assertEquals(memberBound(number), from === "relay" ? undefined : Number(bound), name);
      assertEquals(relayBound(number), from === "member" ? undefined : Number(bound), name);
    }
  },
});

Deno.test({
  name: "the specification has the reasons and faults of the code",
  ignore,
  fn() {
    assertEquals(
      table("## 5. Reasons"),
      Object.entries(REASONS).map(([reason, { number, text }]) => [String(number), reason, text]),
    );
    for (const fault of Object.keys(FAULTS)) assert(spec.includes(fault), fault);
  },
});

/** The bytes that a size of a table stands for; 0 where it depends on the frame. */
function bytesOf(size: string): number {
  const [, fixed] = /^bytes\[(\d+)\]$/.exec(size) ?? [];
  const [, bits] = /^u(\d+)$/.exec(size) ?? [];
  return Number(fixed ?? Number(bits ?? 0) / 8);
}

Deno.test({
  name: "the specification's header of a sealed frame is as long as the code's",
  ignore,
  fn() {
    const rows = table("### 9.2 Sealed frames");
    const header = rows.slice(0, rows.findIndex(([field]) => field === "ciphertext"));
    const bytes = header.reduce((sum, [, size]) => sum + bytesOf(size!), 0);
    assertEquals(bytes, SEALED_HEADER_BYTES);
    assert(prose.includes(`${SEALED_HEADER_BYTES} of the header, ${TAG_BYTES} of the tag`));
  },
});

Deno.test({
  name: "the specification has the kinds of message of the code",
  ignore,
  fn() {
    const rows = table("### 9.4 Messages").map(([kind, name]) => [name, Number(kind)]);
    const { end, ...kinds } = MESSAGE;
    assertEquals(rows.filter(([name]) => name !== ""), Object.entries(kinds));
    assert(prose.includes(`Kind ${end} ends the messages`));
    for (const notice of NOTICES) {
      const [, , , body] = table("### 9.4 Messages").find(([, name]) => name === notice)!;
      assertEquals(body, `a notice: 0 to ${MAX_NOTICE_BYTES} bytes`);
    }
  },
});

Deno.test({
  name: "the specification has the bounds of the code",
  ignore,
  fn() {
    const words = { 8: "eight" }[MAX_UNWRAPPED];
    const inWords: Record<number, string> = { 3: "three", 6: "six", 10: "ten" };
    const pace = ({ perSecond }: { readonly perSecond: number }) => Math.round(1 / perSecond);
    assertEquals(PEER_TARIFF.notice.perSecond, 1);
    assert(prose.includes(`It unwraps at most ${words} for one stay`));
    const number = (count: number) => count.toLocaleString("en");
    const { step, notice, grant } = PEER_TARIFF;
    const sentences = [
      `the length of the room's name in bytes, 0 to ${MAX_ROOM_NAME_BYTES}`,
      `a text has 1 to ${number(MAX_TEXT_BYTES)} bytes`,
      `a room at most ${number(MAX_ROSTER)} members (${number(DEFAULT_MAX_MEMBERS)} by default)`,
      `the last ${number(KEPT_CONTEXTS)} values`,
      `A frame after one under step ${number(LAST_STEP)} starts a fresh chain`,
      `or ahead by at most ${number(MAX_STEPS)} and at most by the number`,
      `parley follows ${step.burst}, and ${step.perSecond} more each second`,
      `parley looks at ${notice.burst} and one more each second`,
      `parley takes ${grant.burst}, and ${grant.perSecond} more each second`,
      `at the latest when ${number(MAX_FRAMES)} frames or 1 MiB have come`,
      `for the ${number(MAX_PARTED)} members that left last`,
      `The repairs of all peers together have ${REPAIRS.burst >> 20} MiB of text, and ` +
      `${REPAIRS.perSecond >> 10} KiB more each second`,
      `parley hashes ${number(HASHED_MEMBERS.burst)} members' hashes`,
      `leaves more than ${
        MAX_UNREAD_BYTES >> 20
      } MiB unread, besides frames that it has not accepted`,
      `while these are ${MAX_UNACCEPTED_BYTES >> 20} MiB or more`,
      `has not admitted it within ${JOIN_TIMEOUT_MS / 1000} s`,
      `none of the frames that wait for it for ${ACCEPT_MS / 1000} s`,
      `A connection has ${JOIN_DEADLINE_MS / 1000} s to join (JOIN_TIMEOUT)`,
      `If nothing has come for ${{ 4: "four" }[PROBE_MS / 1000]} seconds`,
      `does not expire more than ${CREDENTIAL_LIFE_MS / 3_600_000} hours from now. ` +
      `Clocks may differ by ${{ 5: "five" }[CLOCK_SKEW_MS / 60_000]} minutes each way`,
      `SHOULD make its credential for ${RENEWAL_LIFE_MS / 3_600_000} hours`,
      `SHOULD renew when ${RENEWAL_RESERVE_MS / 3_600_000} hours are left`,
      `at most ${MAX_GAPS} gaps for each stream`,
      `and for at least ${number(MAX_SENDERS)} senders`,
      `keeps at most ${MAX_KEPT_BYTES >> 20} MiB that is not delivered`,
      `each look-up of a member that is not there, and each frame to nobody, as ${LOOKUP_BYTES} bytes`,
      `its place among at most ${DEFAULT_MAX_ROOMS} rooms`,
      `not seen leave, ${number(MAX_CONTACTS)} at most`,
      `Without \`answer\` or \`reveal\` for ${ANSWER_MS / 1000} seconds the attempt ends`,
      `words that are not confirmed count for ${inWords[SHOWN_MS / 60_000]} minutes`,
      `answers ${inWords[ATTEMPTS_OF_ONE.burst]} of one identity at once ` +
      `and one more each ${pace(ATTEMPTS_OF_ONE)} seconds`,
      `${inWords[ATTEMPTS_OF_ALL.burst]} of all members at once ` +
      `and one more each ${inWords[pace(ATTEMPTS_OF_ALL)]} seconds`,
      `each commitment among the last ${number(MAX_REMEMBERED)} that`,
      `nothing for ${PING_AFTER_MS / 1000} s and ends it after ${DEAD_AFTER_MS / 1000} s (SILENT)`,
    ];
    for (const sentence of sentences) assert(prose.includes(sentence), sentence);
  },
});

Deno.test({
  name: "the specification has the answers and the figures of invitations",
  ignore,
  fn() {
    const answers = table("| answer | name     | meaning");
    assertEquals(answers.map(([, name]) => name), [...INVITATION_ANSWERS]);
    assertEquals(answers.map(([number]) => number), INVITATION_ANSWERS.map((_, i) => `${i}`));
    const number = (count: number) => count.toLocaleString("en");
    const times = ["never", "once", "twice", "three times"][MAX_PROOFS];
    const sentences = [
      `Its **secret** is ${INVITATION_SECRET_BYTES} random bytes`,
      `base64url without padding of secret ‖ the first ${INVITER_BYTES} bytes`,
      `A link has at most ${MAX_LINK_LENGTH} characters`,
      `empty, or a proof of ${SIGNING_KEY_BYTES + SIGNATURE_BYTES} bytes`,
      `parley does after ${PROVE_AGAIN_MS / 1000} s, ${times} in one room`,
      `unless it was made for many: then up to ${number(MAX_GUESTS)} are`,
    ];
    for (const sentence of sentences) assert(prose.includes(sentence), sentence);
    assertEquals(INVITATION_LIFE_MS, 24 * 60 * 60 * 1000, "after a day");
  },
});
