// needs: net read=.

/**
 * The table of the chat's JSON events names what a program is told, and nothing else.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Report } from "../../lib/chat/app/json_report.ts";
import type { Display } from "../../lib/chat/app/presenter.ts";
import { RoomCommands } from "../../lib/chat/app/rooms.ts";
import type { Line } from "../../lib/chat/member/lines.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import type { Peer } from "../../lib/chat/member/roster.ts";
import type { RelayEvent } from "../../lib/chat/relay/options.ts";
import { KnownPeers } from "../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../lib/chat/trust/trust.ts";
import { Clock, credentialOf } from "../chat/keys.ts";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

const ignore = !granted("read=.");
const SPAN = { from: 0, to: 1 };
const ROOM = new Uint8Array(32);

/** The fields that each event of the table may have. */
async function documented(): Promise<Record<string, string[]>> {
  const text = await readDocument("docs/chat.md");
  const rows = text.slice(text.indexOf("| event ")).split("\n\n")[0]!.trim().split("\n").slice(2);
  const fields = rows.map((row) => {
    const [, event, cell] = row.split("|").map((part) => part.trim());
    // A list's fields stand in parentheses, and a mention of another event or command is no field.
    const own = cell!.replaceAll(/\([^)]*\)|answer to .*|as in `sent`/g, "");
    const names = [...own.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
    return [event!.replaceAll("`", ""), names.sort()];
  });
  return Object.fromEntries(fields);
}

/** What a report says of `/join` and `/log`. */
async function answers(presenter: Report): Promise<string[]> {
  const said: string[] = [];
  const display = { print: (lines: readonly string[]) => said.push(...lines) };
  const commands = new RoomCommands({
    ...{ presenter, display: display as unknown as Display },
    rooms: { current: "garden", visited: ["garden"] },
    log: { path: "x", start: () => Promise.resolve(), stop: () => Promise.resolve() },
  });
  for (const kind of ["join", "log"] as const) await commands.run({ kind, rest: "" }, () => {});
  return said;
}

/** Everything that a report can say, but for frames. */
async function said(): Promise<string[]> {
  const clock = new Clock();
  const self = await credentialOf("ada", 0, clock.now);
  const credential = await credentialOf("bo", 1, clock.now);
  const peer: Peer = { number: 2, credential, confirmed: true, away: false };
  const known = KnownPeers.parse(`b0 SHA256:${"x".repeat(42)}A 2026-11-01 verified\n`);
  const report = new Report(new Trust({ known }), "garden");
  const line: Line = {
    ...{ id: "x.1", stream: 0, number: 1, time: 0, version: 1, leftOut: new Set<string>() },
    ...{ text: "x", bytes: 1, to: undefined },
  };
  const missed = [{ name: "bo", signed: false }];
  const events: MemberEvent[] = [
    { kind: "admitted", self, room: ROOM },
    { kind: "joined", peer, present: false },
    { kind: "left", peer, reason: "LEFT", signed: true },
    { kind: "away", peer },
    { kind: "back", peer },
    { kind: "disconnected", reason: "LOST", detail: "" },
    { kind: "reconnected", room: ROOM, missed: SPAN },
    { kind: "message", from: peer, id: "x.1", text: "/me x", time: 0, private: false, late: true },
    { kind: "sent", line },
    { kind: "delivered", line, missed },
    { kind: "unheard", line, missed },
    { kind: "confirmed", peer },
    { kind: "fault", code: "GAP", peer, detail: "", count: 1 },
  ];
  const roomName = "garden";
  const relayEvents: RelayEvent[] = [
    { kind: "joined", credential, roomName },
    { kind: "left", credential, roomName, reason: "LOST" },
    { kind: "away", credential, roomName },
    { kind: "back", credential, roomName },
    { kind: "refused", reason: "BAD_FRAME", detail: "" },
    { kind: "failed", detail: "" },
  ];
  const other = {
    standing: new Trust({ known }).standing(credential),
    safetyNumber: ["1"],
  };
  const invitation = {
    ...{ number: 1, room: "", secret: ROOM, publicKey: ROOM, expiresAt: 0, many: false },
    ...{ guests: [], withdrawn: false },
  };
  const addr = { transport: "tcp", hostname: "::1", port: 1 } as const;
  return [
    ...events.flatMap((event) => report.event(event)),
    ...relayEvents.flatMap((event) => report.relayEvent(event)),
    ...report.listening({
      ...{ addr, room: ROOM, roomName, tls: false },
      join: { commands: ["x"], from: "elsewhere" },
      web: { url: "http://[::1]:1/", sha256: "00" },
    }),
    ...report.status({ connected: true, others: 1, away: [], waiting: [], more: 0, gated: 0 }),
    ...report.slow({
      ...{ line: { ...line, to: peer }, sent: true, shown: 0, recipients: 1 },
      waitingFor: [peer],
    }),
    ...report.roster([peer], self),
    ...report.fingerprint({ name: "bo", fingerprint: "x", other }),
    ...report.decided("verify", "bo", peer),
    ...report.invitation({
      ...{ kind: "made", invitation, link: "x", web: "x", command: "x" },
      ...{ from: "elsewhere", atStart: false },
    }),
    ...report.invitation({ kind: "listed", invitations: [invitation] }),
    ...report.invitation({ kind: "withdrawn", number: 1 }),
    ...report.invitation({ kind: "guest", peer, number: 1 }),
    ...report.words({
      ...{ peer, state: "confirmed", by: "peer", words: ["one"], confirmed: false, both: false },
      why: "left",
    }),
    ...report.locked(true, [peer]),
    ...await answers(report),
    ...report.help(),
    ...report.notice("x"),
  ];
}

Deno.test({
  name: "the table of JSON events has every event and every field, and no other",
  ignore,
  async fn() {
    const told: Record<string, string[]> = {};
    for (const text of await said()) {
      const { event, at: _, ...fields } = JSON.parse(text);
      told[event] = [...new Set([...told[event] ?? [], ...Object.keys(fields)])].sort();
    }
    const { wire: _, ...rows } = await documented();
    assertEquals(rows, told);
  },
});
