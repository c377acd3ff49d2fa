// needs: net run=deno read=tests/scratch write=tests/scratch (about 10 s)

/**
 * Whom a relay lets in: those on its list, and those who dialled it by its name; with real processes and files.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { ChatProcess } from "../app/chat_process.ts";
import { join, joined, leave, MAY_KEEP_FILES, serve, test } from "./people.ts";

test("a server with --allow refuses others before they learn who is in the room, and rereads its list on SIGHUP", async () => {
  await using scratch = await Scratch.make();
  const [bo, cy] = [await scratch.identity("bo"), await scratch.identity("cy")];
  const list = await scratch.write("friends", `# friends\n${bo.fingerprint}  # bo\n`);
  const { server, address } = await serve("-n", "ada", "--allow", list);
  await using _server = server;
  await using friend = await join(address, "bo", "-i", bo.file);
  const client = () => new ChatProcess(["client", address, "-n", "ADA", "-i", cy.file], FLAGS);
  await using stranger = client();
  assertEquals(await stranger.ended(), 1);
  assertEquals(stranger.lines, []);
  assertEquals(stranger.errors, [
    "parley: cannot join the room: the relay does not admit this identity (NOT_ALLOWED)",
    `hint: ask the server's owner for an invitation, or give your fingerprint to the owner: ${cy.fingerprint}; --identity FILE keeps it for later runs`,
  ]);
  const refused = await server.event("refused");
  assertEquals([refused.reason, refused.detail], ["NOT_ALLOWED", `ADA ${cy.fingerprint}`]);
  // A list that cannot be read changes nothing.
  await scratch.write("friends", `${bo.fingerprint}\nnonsense\n`);
  await server.type("/reload\n");
  const { code, message } = await server.event("error");
  assertEquals(code, "ALLOW_LIST_MALFORMED");
  assert(String(message).includes("line 2: "), String(message));
  await scratch.write("friends", `${cy.fingerprint}\n`);
  await server.type("/reload\n");
  assertEquals(await friend.ended(), 1);
  assertEquals(
    friend.errors[0],
    "parley: the chat has ended: the relay's owner has removed this identity (REMOVED)",
  );
  assertEquals((await server.event("left")).reason, "REMOVED");
  await using now = await join(address, "cy", "-i", cy.file);
  assertEquals((await joined(server, "cy")).fingerprint, cy.fingerprint);
  await leave(now);
});

Deno.test({
  name: "SIGHUP makes a relay reread its list",
  ignore: !MAY_KEEP_FILES || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    const bo = await scratch.identity("bo");
    const list = await scratch.write("friends", `${bo.fingerprint}\n`);
    for (const more of [["--relay-only"], ["-n", "ada"]]) {
      await scratch.write("friends", `${bo.fingerprint}\n`);
      const { server, address } = await serve("--allow", list, ...more);
      await using _server = server;
      if (more.length > 1) await server.event("joined");
      await using client = await join(address, "bo", "-i", bo.file);
      await scratch.write("friends", "# nobody\n");
      server.kill("SIGHUP");
      assertEquals(await client.ended(), 1);
      assert(client.errors[0]?.endsWith("(REMOVED)"), client.errors[0]);
      assert(
        String((await server.event("notice")).text).includes("0 identities"),
        "the relay says so",
      );
    }
  },
});

test("a relay that knows its name refuses members that dialled another name", async () => {
  const { server, address } = await serve("-n", "ada", "--public-name", "localhost");
  await using _server = server;
  const forwarded = new ChatProcess(["client", address, "-n", "bo"], FLAGS);
  await using _forwarded = forwarded;
  assertEquals(await forwarded.ended(), 1);
  assert(forwarded.errors[0]?.endsWith("(BAD_PROOF)"), forwarded.errors[0]);
  await using client = await join(address.replace("127.0.0.1", "localhost"), "bo");
  await leave(client);
});
