/**
 * The crowd as a process: `main.ts KIND PORT MEMBERS BYTES`, then on standard input one JSON object a measurement,
 * `{"window": 32, "ms": 2000}`, or one for a member that leaves, `{"leave": 10}`; it answers each with one. It ends with
 * its input.
 *
 * @module
 */

import process from "node:process";
import { makeCredentials } from "./credentials.ts";
import { Crowd } from "./crowd.ts";

/** How often connections are looked after while nothing is measured, in milliseconds. */
const IDLE_TURN_MS = 20;

const [kind, port, count, bytes] = Deno.args;
const members = Number(count);
const listens = kind === "listening";
const crowd = new Crowd(Number(port), Number(bytes), listens);
await crowd.join(
  kind === "plain"
    ? Array(members).fill(undefined)
    : await makeCredentials(members, "crowd", listens),
);
console.log(JSON.stringify({ members }));

const timer = setInterval(() => crowd.turn(0), IDLE_TURN_MS);
let input = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  input += text;
  for (let end = input.indexOf("\n"); end >= 0; end = input.indexOf("\n")) {
    const { window, ms, leave } = JSON.parse(input.slice(0, end));
    input = input.slice(end + 1);
    if (leave !== undefined) {
      console.log(JSON.stringify({ ms: await crowd.leave(leave) }));
      continue;
    }
    const before = process.cpuUsage();
    const outcome = crowd.measure(window, ms);
    const { user, system } = process.cpuUsage(before);
    const busy = (user + system) / 1e6 / outcome.seconds;
    console.log(JSON.stringify({ ...outcome, busy }));
  }
}
clearInterval(timer);
