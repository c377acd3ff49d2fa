/**
 * Everything that reads what a person typed, or what is to be shown to one.
 *
 * @module
 */

import { MalformedError, utf8 } from "../../lib/base/bytes.ts";
import { Failure } from "../../lib/base/failure.ts";
import { printable, printableBytes } from "../../lib/base/printable.ts";
import { parseLine } from "../../lib/chat/app/slash_commands.ts";
import { foldName, MAX_NAME_LENGTH, normalizeName } from "../../lib/chat/identity/name.ts";
import { sourceOf } from "../../lib/chat/relay/admission_control.ts";
import { isFingerprint, KnownPeers, KnownPeersError } from "../../lib/chat/trust/known_peers.ts";
import {
  invitationLink,
  MAX_LINK_LENGTH,
  readInvitationLink,
} from "../../lib/chat/wire/invitation.ts";
import { isRoomName } from "../../lib/chat/wire/kinds.ts";
import { readAddress } from "../../lib/cli/words.ts";
import { parseCommandLine } from "../../lib/cli/run.ts";
import { type CommandSpec, optionsOf } from "../../lib/cli/spec.ts";
import { readRoomAddress } from "../../lib/commands/chat/chat.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { logValue } from "../../lib/os/log.ts";
import { readLines } from "../../lib/os/streams.ts";
import vectors from "../vectors/chat.json" with { type: "json" };
import { anyBytes, nearly, nearlyText } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";

// deno-lint-ignore no-control-regex -- controls are what must not be there
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/u;

const FINGERPRINT = `SHA256:${"A".repeat(42)}E`;
const PEERS = `# peers
bo ${FINGERPRINT} 2026-11-24T04:27:29Z verified  # met in Delft
\\#odd ${FINGERPRINT} 2026-11-24 unverified
`;

/** Every word that a command line may have: commands, options, values that are taken. */
function words(command: CommandSpec): string[] {
  const options = Object.entries(optionsOf(command)).flatMap(([name, spec]) => [
    `--${name}`,
    `--no-${name}`,
    ...(spec.short === undefined ? [] : [`-${spec.short}`]),
    ...(spec.type === "text" ? spec.choices ?? [] : []),
    ...(spec.type === "integer" ? [`--${name}=${spec.min}`, String(spec.max), `-${spec.min}`] : []),
  ]);
  return [command.name, ...options, ...(command.commands ?? []).flatMap(words)];
}

const WORDS = [...new Set(words(PARLEY)), "--", "-", "", "127.0.0.1:4396", "__proto__", "1e3"];

/** The beginnings of every command. */
function paths(command: CommandSpec): string[][] {
  return [
    [],
    ...(command.commands ?? []).flatMap((c) => paths(c).map((path) => [c.name, ...path])),
  ];
}

const COMMAND_LINES = () =>
  fc.tuple(
    fc.constantFrom(...paths(PARLEY)),
    fc.array(fc.oneof(fc.constantFrom(...WORDS), nearlyText(WORDS)), { maxLength: 6 }),
  ).map(([path, rest]) => [...path, ...rest]);

/** Runs what may be wrong usage, and nothing worse. */
function usage<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    return wrongUsage(error);
  }
}

/** Takes wrong usage as an answer; anything else goes on. */
function wrongUsage(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
  assertEquals([error.code, error.exitCode], ["USAGE", 2]);
}

/** Everything that reads or shows text. */
export const TEXT_TARGETS: readonly Target[] = [
  asyncTarget("options", COMMAND_LINES, async (args) => {
    const parsed = await parseCommandLine(PARLEY, args).catch(wrongUsage);
    if (parsed === undefined) return;
    for (const [name, spec] of Object.entries(optionsOf(parsed.path.at(-1)!))) {
      const value = parsed.options[name];
      if (spec.type === "flag") assertEquals(typeof value, "boolean");
      else if (spec.type === "text") {
        const texts = Array.isArray(value) ? value : value === undefined ? [] : [value];
        for (const text of texts) {
          assertEquals(typeof text, "string");
          assert(spec.choices?.includes(text) ?? true);
        }
      } else if (value !== undefined) {
        assert(typeof value === "number" && value >= spec.min && value <= spec.max);
        if (spec.type === "integer") assert(Number.isInteger(value));
      }
    }
  }),
  target(
    "host-port",
    () =>
      nearlyText(["127.0.0.1", "127.0.0.1:4396", "[::1]", "[::1]:1", "fe80::1%eth0", "a.b:65535"]),
    (text) => {
      const address = usage(() => readAddress(text, 4396));
      if (address === undefined) return;
      assert(address.hostname.length > 0);
      assert(Number.isInteger(address.port) && address.port >= 1 && address.port <= 65_535);
    },
  ),
  target(
    "room-address",
    () =>
      nearlyText([
        ...["a.example/garden", "wss://a.example/p/chat?room=garden", "ws://[::1]:80"],
        ...["https://a.example:444/p/g%C3%A9", "http://127.0.0.1/"],
      ]),
    (text) => {
      const address = usage(() => readRoomAddress(text));
      if (address === undefined) return;
      assert(address.hostname.length > 0);
      assert(address.port >= 0 && address.port <= 65_535);
      assert(isRoomName(address.roomName));
      if (address.web !== undefined) assertMatch(address.web.path, /^\/[!-~]*$/);
    },
  ),
  target(
    "entry",
    () => nearlyText(["/msg bo hello", "/who", "//slash", "/quit", "/fingerprint ada", "text"]),
    (line) => {
      const entry = parseLine(line);
      if (entry.kind === "send") assert(entry.text.length > 0);
    },
  ),
  asyncTarget("lines", () =>
    fc.record({
      pieces: fc.array(nearly([utf8("a line\n"), utf8("two\nlines\r\n"), utf8("é🙂")], 30), {
        maxLength: 6,
      }),
      bound: fc.integer({ min: 1, max: 40 }),
    }), async ({ pieces, bound }) => {
    for await (const input of readLines(ReadableStream.from(pieces), bound)) {
      if (input.kind === "line") assert(utf8(input.text).length <= bound * 3, input.text);
    }
  }),
  target(
    "name",
    () => nearlyText(["ada", "Ａｄａ", "ﬁ", "a\u0301", "用户", "x".repeat(32)]),
    (text) => {
      try {
        const name = normalizeName(text);
        assertEquals(normalizeName(name), name);
        assert([...name].length <= MAX_NAME_LENGTH && name !== "");
        assertEquals(UNSAFE.test(name), false);
        assertEquals(foldName(foldName(name)), foldName(name));
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
      }
    },
  ),
  target("known-peers", () => nearlyText([PEERS, PEERS.split("\n")[1]!]), (text) => {
    try {
      const peers = KnownPeers.parse(text);
      // What it does not change it writes as it was, whatever it is.
      assertEquals(peers.text, text === "" || text.endsWith("\n") ? text : `${text}\n`);
      peers.apply({ kind: "meet", name: "newcomer", fingerprint: FINGERPRINT, at: 0 });
      const again = KnownPeers.parse(peers.text);
      assert(again.ofName("newcomer").length > 0);
    } catch (error) {
      if (!(error instanceof KnownPeersError)) throw error;
    }
  }),
  target("invitation-link", () =>
    nearlyText([
      vectors.invitation.link,
      `https://[::1]:8080/#${vectors.invitation.link.split("#")[1]}`,
      `http://localhost/tea#${vectors.invitation.link.split("#")[1]}`,
      vectors.invitation.webLink,
    ]), (text) => {
    try {
      const { scheme, ...target } = readInvitationLink(text);
      const link = invitationLink(target, scheme);
      assert(text.length <= MAX_LINK_LENGTH && link.length <= MAX_LINK_LENGTH);
      assertEquals(readInvitationLink(link), { scheme, ...target });
      assertEquals(UNSAFE.test(target.host) || UNSAFE.test(target.room), false);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      assertEquals(UNSAFE.test(error.message), false);
    }
  }),
  target("fingerprint", () => nearlyText([FINGERPRINT]), (text) => {
    if (isFingerprint(text)) assert(/^SHA256:[A-Za-z0-9+/]{43}$/.test(text), text);
  }),
  target(
    "printable",
    () => nearlyText(["text", "\x1b[2J", "\u202eabc", "\ud800", "\u{e0041}"]),
    (text) => {
      assertEquals(UNSAFE.test(printable(text)), false);
      assertEquals(UNSAFE.test(logValue(text)), false);
    },
  ),
  target(
    "printable-bytes",
    () => nearly([utf8("é🙂\x1b[0m"), new Uint8Array([0xff, 0xc3])], 60),
    (bytes) => {
      assertEquals(UNSAFE.test(printableBytes(bytes)), false);
    },
  ),
  target("source-address", () =>
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      nearlyText(["::1", "::ffff:1.2.3.4", "fe80::1%eth0"]),
      anyBytes(20).map((bytes) => printableBytes(bytes)),
    ), (address) => {
    assert(sourceOf(address).key.length <= Math.max(30, address.length));
  }),
];
