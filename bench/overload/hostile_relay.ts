/**
 * A relay that attacks its members: `hostile_relay.ts pings`. It prints its port, and a line when a member has joined. A
 * line of input starts the attack: it sends pings as fast as it can, and reads no answer.
 *
 * @module
 */

import { encodeChallengePayload, encodeEmpty } from "../../lib/chat/wire/control.ts";
import { encodeFrame } from "../../lib/chat/wire/frame.ts";
import { KIND, PROTOCOL_VERSION } from "../../lib/chat/wire/kinds.ts";
import { encodeRosterPage } from "../../tests/chat/raw_frames.ts";
import { repeated } from "../../tests/chat/sealed_frame.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(String(listener.addr.port));
const begin = Promise.withResolvers<void>();
Deno.stdin.read(new Uint8Array(1)).then(() => begin.resolve());

for await (const conn of listener) {
  attack(conn).catch(() => {}); // whoever is attacked may leave
}

async function attack(conn: Deno.TcpConn): Promise<void> {
  const write = async (bytes: Uint8Array) => {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
  };
  const id = new Uint8Array(32);
  await conn.read(new Uint8Array(64)); // the greeting
  const challenge = { version: PROTOCOL_VERSION, nonce: id, graceMs: 0 };
  await write(encodeFrame(KIND.challenge, encodeChallengePayload(challenge)));
  await conn.read(new Uint8Array(4096)); // the join
  // Alone in its room, under number 1.
  await write(encodeRosterPage({ room: id, version: 0, context: id, last: true }, []));
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  console.log("in");
  await begin.promise;
  const pings = repeated(encodeEmpty(KIND.ping), 10_000);
  while (true) await write(pings);
}
