// needs: net run=deno read=tests/scratch write=tests/scratch (about 20 s)

/**
 * That a chat has given up the permission for files before anything comes from the network, and goes on with
 * those that it has open.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { FLAGS, SCRATCH, Scratch } from "../../fixtures/scratch.ts";
import { ChatProcess } from "../app/chat_process.ts";
import { join, joined, leave, serve, test } from "./people.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** What a process may do with files. */
interface Rights {
  readonly when: string;
  readonly read: string;
  readonly write: string;
  readonly readable: readonly string[];
  readonly writable: readonly string[];
}

/** Starts parley with flags; it says what it may do with some files. */
function start(flags: readonly string[], probes: readonly string[], ...args: readonly string[]) {
  const run = ["run", "--no-prompt", "--allow-net", ...flags, "tests/fixtures/released.ts"];
  const piped = { cwd: ROOT, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new ChatProcess(
    new Deno.Command("deno", { args: [...run, probes.join(), "chat", ...args], ...piped }),
  );
}

function rights(process: ChatProcess): Rights[] {
  return process.errors.map((line) => JSON.parse(line));
}

/** Flags for some files, relative to where parley runs, as one types them. */
type Flags = (read: readonly string[], write: readonly string[]) => string[];

const GRANTS: Readonly<Record<string, Flags>> = {
  "for all files": () => ["--allow-read", "--allow-write"],
  "for a directory": () => [`--allow-read=${SCRATCH}`, `--allow-write=${SCRATCH}`],
  "for each file": (read, write) => [`--allow-read=${read}`, `--allow-write=${write}`],
};

for (const [grant, flags] of Object.entries(GRANTS)) {
  test(`permissions ${grant} are dropped before a chat listens or connects`, async () => {
    await using scratch = await Scratch.make();
    const [ada, bo] = [await scratch.identity("ada"), await scratch.identity("bo")];
    const relative = (path: string) => path.slice(ROOT.length);
    const list = relative(await scratch.write("friends", `${bo.fingerprint}\n`));
    const own = (name: string, file: string) => {
      const peers = relative(scratch.file(name));
      const read = [relative(file), peers, `${peers}.lock`];
      return { read, write: read.slice(1), args: ["-i", relative(file), "-k", peers, "--json"] };
    };
    const host = own("of-ada", ada.file);
    const hostFiles = [...host.read, list];
    await using server = start(
      flags(hostFiles, host.write),
      hostFiles,
      ...["server", "--port", "0", "--name", "ada", "--allow", list, ...host.args],
    );
    const { port } = await server.event("listening");
    const guest = own("of-bo", bo.file);
    await using client = start(
      flags(guest.read, guest.write),
      guest.read,
      ...["client", `127.0.0.1:${port}`, "--name", "bo", "--listen", ...guest.args],
    );
    await joined(client, "ada");
    await joined(server, "bo");
    // The file of whom the server lets in is the only one that stays, where it was named.
    const kept = grant === "for each file" ? [list] : [];
    const none = { read: "prompt", write: "prompt", writable: [] };
    for (const [process, readable] of [[server, kept], [client, []]] as const) {
      const said = rights(process);
      // A client whose keys take long connects once more.
      const turns = said.map(({ when }) => when).filter((when, i, all) => when !== all[i - 1]);
      assertEquals(turns.slice(0, 2), [process === server ? "listen" : "connect", "joined"]);
      for (const { when, ...rest } of said) assertEquals(rest, { ...none, readable }, when);
    }
    // What is met is written all the same. Who has not been heard from yet is not met.
    for (const process of [client, server]) await process.event("confirmed");
    await leave(client);
    await leave(server);
    for (
      const [file, name, process] of [["of-ada", "bo", server], ["of-bo", "ada", client]] as const
    ) {
      const said = [...process.lines, ...process.errors].join("\n");
      assertEquals((await scratch.lines(file)).map((line) => line.split(" ")[0]), [name], said);
    }
  });
}

for (const [grant, flags] of Object.entries(GRANTS)) {
  const reopens = grant === "for each file";
  test(
    `an allow list that is saved as a new file is ${
      reopens ? "read" : "reported"
    } with a permission ${grant}`,
    async () => {
      await using scratch = await Scratch.make();
      const [bo, cy] = [await scratch.identity("bo"), await scratch.identity("cy")];
      const list = await scratch.write("friends", `${bo.fingerprint}\n`);
      const server = start(
        flags([list], [list]),
        [list],
        ...["server", "--port", "0", "--json", "--relay-only", "--allow", list],
      );
      await using _server = server;
      const { port } = await server.event("listening");
      await using client = await join(`127.0.0.1:${port}`, "bo", "-i", bo.file);
      // In place.
      await scratch.write("friends", `${bo.fingerprint}\n${cy.fingerprint}\n`);
      server.kill("SIGHUP");
      assertEquals(
        (await server.event("notice")).text,
        "allow list reloaded: 2 identities may join",
      );
      server.kill("SIGHUP");
      await server.until((one) => one.all("notice").length === 2, "it was read once more");
      assertEquals(
        server.all("notice")[1]?.text,
        "allow list reloaded: 2 identities may join (unchanged)",
      );
      // By another file.
      await scratch.write("friends.new", "# nobody\n");
      await Deno.rename(scratch.file("friends.new"), list);
      server.kill("SIGHUP");
      if (reopens) {
        assertEquals(await client.ended(), 1);
        assert(client.errors[0]?.endsWith("(REMOVED)"), client.errors[0]);
        return;
      }
      const { code, message } = await server.event("error");
      assertEquals(code, "REPLACED");
      assert(String(message).includes("another file has replaced it"), String(message));
      await leave(client);
    },
  );
}

test("a file that replaces the known-peers file is not written, and the chat reports it", async () => {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  const peers = scratch.file("peers");
  await using bo = await join(address, "bo", "-k", peers);
  await joined(bo, "ada");
  await bo.type("hello\n");
  await server.event("message");
  await scratch.write("peers.new", "# mine\n");
  await Deno.rename(scratch.file("peers.new"), peers);
  await using cy = await join(address, "cy");
  const { code, message } = await bo.event("error");
  assertEquals(code, "REPLACED");
  assert(String(message).includes("remembered for this run only"), String(message));
  assertEquals(await scratch.read("peers"), "# mine\n");
  await leave(cy);
  await leave(bo);
});

test("the chat waits for a locked known-peers file, and reports it", async () => {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  const peers = scratch.file("peers");
  const held = await Deno.open(`${peers}.lock`, { read: true, write: true, create: true });
  await held.lock(true);
  const args = ["client", address, "--name", "bo", "--json", "--listen", "-k", peers];
  await using bo = new ChatProcess(args, FLAGS);
  const { text } = await bo.event("notice");
  assertEquals(text, "waiting for the known-peers file: another process has locked it");
  assertEquals(bo.all("joined"), []);
  held.close();
  await joined(bo, "ada");
  await leave(bo);
  assertEquals((await scratch.lines("peers")).map((line) => line.split(" ")[0]), ["ada"]);
});

/** People of whom bo met cy while another process held bo's file of known peers. */
interface HeldUp {
  readonly server: ChatProcess;
  readonly bo: ChatProcess;
  /** The other process lets go of the file. */
  readonly letGo: () => void;
}

async function whileHeld(use: (people: HeldUp) => Promise<void>): Promise<void> {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  const peers = scratch.file("peers");
  await using bo = await join(address, "bo", "-k", peers);
  await joined(bo, "ada");
  while ((await scratch.lines("peers")).length === 0) await new Promise((go) => setTimeout(go, 10));
  const held = await Deno.open(`${peers}.lock`, { write: true });
  await held.lock(true);
  await using cy = await join(address, "cy");
  await joined(bo, "cy");
  await use({ server, bo, letGo: () => held.close() });
  assertEquals((await scratch.lines("peers")).map((line) => line.split(" ")[0]), ["ada"]);
  await leave(cy);
}

test("leaving while another process locks the known-peers file reports that it was not written", () =>
  whileHeld(async ({ bo, letGo }) => {
    await leave(bo);
    letGo();
    const notices = bo.all("notice").map(({ text }) => text);
    assertEquals(notices.slice(-2).toSorted(), [
      "the known-peers file is being written; Ctrl-C leaves without",
      "waiting for the known-peers file: another process has locked it",
    ]);
    assertEquals(bo.all("error").map(({ code }) => code), ["LOCKED"]);
  }));

test("a second attempt to leave ends the wait for the known-peers file and reports unsaved peers", () =>
  whileHeld(async ({ server, bo, letGo }) => {
    await bo.type("/quit\n");
    await server.event("left");
    bo.kill("SIGTERM");
    assertEquals(await bo.ended(), 0);
    letGo();
    assertEquals(bo.all("error").map(({ code }) => code), ["UNSAVED"]);
  }));
