/**
 * A process that joins a room once and says how long that took: `newcomer.ts PORT NAME`.
 *
 * @module
 */

import { createIdentity, joinRoom } from "../../lib/tcp_chat.ts";

const [port, name] = Deno.args;
const self = await createIdentity(name!);
const ready = Promise.withResolvers<void>();
const started = performance.now();
const session = await joinRoom({
  port: Number(port),
  self,
  event: (event) => {
    if (event.kind === "ready") ready.resolve();
    if (event.kind === "ended") ready.reject(new Error(`${event.reason} ${event.detail}`));
  },
});
await ready.promise;
console.log(JSON.stringify({
  ms: performance.now() - started,
  members: session.members().length,
}));
session.leave();
await session.ended;
