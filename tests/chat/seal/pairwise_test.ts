import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { KeyFrameError, KeyReceiver, KeySender } from "../../../lib/chat/seal/pairwise.ts";
import { readKeyFrame } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { Clock, credentialOf } from "../room.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";

const room = secureRandom(32);

async function pair() {
  const clock = new Clock();
  const [ada, bo] = [
    await credentialOf("ada", 0, clock.now),
    await credentialOf("bo", 1, clock.now),
  ];
  const sender = () => KeySender.to(room, ada.member, bo, secureRandom);
  const receiver = () => new KeyReceiver(room, bo.keys.session.privateKey);
  const give = async (from: KeySender, key: Bytes) => {
    const position = {
      conversation: 0,
      chain: 1,
      step: 0,
      firstCounter: 0,
      commitment: new Uint8Array(32),
    } as const;
    const frame = await from.give(position, key, ada.keys.signing.privateKey);
    return readKeyFrame(frame.subarray(FRAME_HEADER_BYTES));
  };
  return { sender, receiver, give };
}

Deno.test("a stay that begins anew brings a pairwise key of its own, which is taken", async () => {
  const { sender, receiver, give } = await pair();
  const at = receiver();
  const [first, second] = [await sender(), await sender()];
  for (const from of [first, first, second, second]) {
    const key = secureRandom(32);
    assertEquals(await at.open(await give(from, key)), key);
  }
  // What is left of the stay before does not open any longer.
  const error = await assertRejects(
    async () => await at.open(await give(first, secureRandom(32))),
    KeyFrameError,
  );
  assertEquals(error.early, false);
});

Deno.test("a key whose pairwise key went to an earlier stay is told from one that does not open", async () => {
  const { sender, receiver, give } = await pair();
  const from = await sender();
  await give(from, secureRandom(32));
  const second = await give(from, secureRandom(32));
  const error = await assertRejects(() => receiver().open(second), KeyFrameError);
  assert(error.early);
});
