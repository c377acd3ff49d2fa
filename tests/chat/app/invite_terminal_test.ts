// needs: net run=deno,tmux read=tests/scratch write=tests/scratch (about 30 s)

/**
 * Invitations at terminals: what the person who invites and the guest see, type and keep.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openRelay } from "../../../lib/chat/runtime/room.ts";
import { FLAGS, MAY_WRITE, Scratch } from "../../fixtures/scratch.ts";
import { HAS_TMUX, type Shown } from "../../terminal/tmux.ts";
import { leave, texts, visit } from "../guests.ts";
import { until } from "../room.ts";
import { Inviter } from "../trust/inviter.ts";
import { startChat } from "./chat_pane.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX || !MAY_WRITE, fn });
}

/** The pane is wide, so that a link stands in one row. */
const start = (...args: readonly string[]) => startChat({ columns: 170, flags: FLAGS }, ...args);

function has(row: string | RegExp): (shown: Shown) => boolean {
  return ({ rows }) => rows.some((one) => typeof row === "string" ? one === row : row.test(one));
}

const LINK = /parley:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}/;

/** The last link that a pane shows. */
function linkIn({ rows }: Shown): string {
  return LINK.exec(rows.findLast((row) => LINK.test(row)) ?? "")![0];
}

/** The rows of a pane, with the link, the room and times left out. */
function written({ rows }: Shown): string[] {
  return rows.map((row) =>
    row.replace(LINK, "LINK").replace(/room [0-9a-f]{16}/, "room ID").replace(
      /:\d+, room/,
      ":PORT, room",
    )
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, "THEN")
  );
}

test("a guest joins by the link of --invite, typed without echo, and both sides see the other as invited", async () => {
  await using scratch = await Scratch.make();
  const log = scratch.file("log");
  const [port, name] = [["--port", "0"], ["--name", "bo"]];
  await using host = await start("server", ...port, ...name, "--invite", "--log", log);
  const begun = await host.until("the prompt", has("bo>"));
  assertEquals(written(begun), [
    "* listening on 127.0.0.1:PORT, room ID",
    "* invitation 1: parley chat client LINK (for one guest on this machine, until THEN)",
    `* you are bo; no one else is here yet; kept in ${log}, which whoever has it can read`,
    "bo>",
  ]);
  const link = linkIn(begun);
  await using guest = await start("client", "-", "--name", "ann");
  await guest.until("the question", has("the link of your invitation?"));
  await guest.type(`${link.slice(0, -1)}\n`);
  await guest.until("a complaint", has("it is not whole: 42 characters follow #, not 43"));
  await guest.type(`${link}\n`);
  const joined = await guest.until("the prompt", has("ann>"));
  assertEquals(written(joined).slice(-4), [
    "* you are ann, with bo (invited you)",
    "* invited: sure unless somebody else had the link; if in doubt, run /verify NAME",
    "* /help lists the commands",
    "ann>",
  ]);
  await host.until("ann", has("* ann joins by your invitation 1"));
  await guest.type("/who\n");
  await guest.until("bo", has(/^\* bo SHA256:\S+ \(invited you\)$/));
  await host.type("/who\n");
  await host.until("ann", has(/^\* ann SHA256:\S+ \(invited by you\)$/));
  await guest.type("/quit\n");
  await guest.until("the leaving", has("left with 0"));
  const secret = link.slice(link.indexOf("#") + 1);
  for (const row of await guest.scrollback()) assert(!row.includes(secret.slice(0, -1)), row);

  await host.type("/invite --many --hours 3\n");
  const second = await host.until("the second", has(/^\* invitation 2: .*\(for many guests on /));
  assert(has("* send it privately: whoever has the link is your guest")(second));
  assert(linkIn(second) !== link);
  await host.type("/invites\n");
  const listed = await host.until("the list", has(/^\* invitation 2, .*nobody has come by it$/));
  assertEquals(written(listed).slice(-3, -1), [
    "* invitation 1, for one guest, until THEN: ann came by it",
    "* invitation 2, for many guests, until THEN: nobody has come by it",
  ]);
  await host.type("/uninvite 2\n");
  await host.until(
    "the end of it",
    has("* invitation 2 is withdrawn: nobody comes by it any more"),
  );
  await using late = await start("client", linkIn(second), "--name", "cy");
  const { rows } = await late.until("the end of cy", has("left with 1"));
  const [why, hint] = rows.slice(rows.indexOf("left with 1") - 2);
  assertMatch(
    why!,
    /^parley: cannot join the room: the invitation has expired .*\(INVITATION_OVER\)$/,
  );
  assertEquals(hint, "hint: ask bo for another link");
  const told =
    "! cy came by invitation 2, which is withdrawn, and is not invited (INVITATION_OVER)";
  await host.until("cy", has(told));
  await host.type("/quit\n");
  await host.until("the leaving", has("left with 0"));
  // The log has what was shown, without the secrets.
  const kept = await scratch.read("log");
  assertMatch(
    kept,
    /\* invitation 1: parley chat client parley:\/\/127\.0\.0\.1:\d+\/#… \(for one/,
  );
  assertEquals(kept.match(/#[\w-]{20}/), null);
});

test("messages of a guest wait for the inviter, and reach nobody else", async () => {
  await using relay = openRelay({ port: 0 });
  const { port } = relay.addr;
  const inviter = await Inviter.make(port);
  const cy = await visit(port, "cy", 1);
  await using guest = await start("client", inviter.link, "--name", "ann");
  await guest.until("the prompt", has("ann>"));
  const waiting = "the person who invited you";
  const { rows } = await guest.shown();
  assertEquals(rows, [
    "* you are ann, with cy (new)",
    `* waiting for ${waiting}: nothing is sent to anybody until then`,
    "* /help lists the commands",
    "ann>",
  ]);
  await guest.type("for bo\n");
  await guest.until("the line", has(`* waits for ${waiting}: "for bo"`));
  await guest.type("/msg cy psst\n/status\n");
  await guest.until("the status", has(`* 2 messages not sent yet, until ${waiting} lets you in`));
  const bo = await inviter.join();
  await guest.until("bo", has("* bo joined (invited you)"));
  await guest.until("the line", has("you: for bo"));
  await guest.until("the private line", has("you (to cy only): psst"));
  await until(() => texts(bo).length === 1 && texts(cy).length === 2, "both have it");
  assertEquals(texts(cy), ["for bo", "psst"]);
  await leave(bo, cy);
  await guest.type("/quit\n");
  await guest.until("the leaving", has("left with 0"));
});

test("a guest that leaves is told how many waiting messages were not sent", async () => {
  await using relay = openRelay({ port: 0 });
  const inviter = await Inviter.make(relay.addr.port);
  await using guest = await start("client", inviter.link, "--name", "ann");
  await guest.until("the prompt", has("ann>"));
  await guest.type("one\ntwo\n/quit\n");
  await guest.until("the leaving", has("left with 0"));
  assert(has("! 2 messages were not delivered (NOT_DELIVERED)")(await guest.shown()));
});

test("parley chat accepts an invitation link as the server's address", async () => {
  await using host = await start("server", "--port", "0", "--name", "bo", "--invite");
  const link = linkIn(await host.until("the prompt", has("bo>")));
  await using guest = await start();
  await guest.until("the first question", has("server or client?"));
  await guest.type("c\n");
  await guest.until("the second question", has(/^the server's address/));
  await guest.type(`${link}\n`);
  await guest.until("bo", has(/^\* you are \S+, with bo \(invited you\)$/));
  const { rows } = await guest.shown();
  assert(rows.every((row) => !LINK.test(row)), rows.join("\n"));
  await guest.type("/quit\n");
  await guest.until("the leaving", has("left with 0"));
  await host.type("/quit\n");
  await host.until("the leaving", has("left with 0"));
});
