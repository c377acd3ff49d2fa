// needs: net run=deno

/**
 * Keys that the test runner generates for the chat processes of tests.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertNotEquals } from "@std/assert";
import { exportSpki, fingerprint } from "../../lib/rsa.ts";
import type { Group } from "../../scripts/test/groups.ts";
import { generateProcessKeys, POOL_NAME, shareKeys } from "../../scripts/test/keys.ts";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { ROOT } from "../fixtures/parley.ts";
import { KeyPool } from "../fixtures/process_keys.ts";

const ignore = !granted("run=deno");
const PIPES = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;

/** A member of the chat with the network alone, and with the keys that flags give it. */
function member(flags: readonly string[], ...args: readonly string[]): ChatProcess {
  const run = ["run", "--no-prompt", "--frozen", "--allow-net", ...flags, "main.ts", "chat"];
  const options = { args: [...run, ...args, "--json"], cwd: ROOT, ...PIPES };
  return new ChatProcess(new Deno.Command("deno", options));
}

Deno.test({
  name: "two processes in a row get different keys of the run, and talk with one that has its own",
  ignore,
  async fn() {
    const keys = [await generateProcessKeys(), await generateProcessKeys()];
    const pool = new KeyPool(keys);
    await using ada = member([], "server", "--port", "0", "--name", "ada");
    const address = `127.0.0.1:${(await ada.event("listening")).port}`;
    await using bo = member(pool.next(), "client", address, "--name", "bo", "--listen");
    await bo.event("joined");
    await using cy = member(pool.next(), "client", address, "--name", "cy", "--listen");
    await cy.event("joined");
    await bo.until(() => bo.all("joined").length === 3, "cy is there");
    for (const [i, name] of ["bo", "cy"].entries()) {
      const { kty, n, e } = keys[i]!.identity;
      const algorithm = { name: "RSA-PSS", hash: "SHA-512" };
      const jwk = { kty, n, e } as JsonWebKey;
      const key = await crypto.subtle.importKey("jwk", jwk, algorithm, true, ["verify"]);
      const [joined] = ada.all("joined").filter((one) => one.name === name);
      assertEquals(joined?.fingerprint, await fingerprint(await exportSpki(key)));
    }
    await ada.type("from ada\n");
    await bo.event("message");
    await bo.type("from bo\n");
    await cy.until(() => cy.all("message").length === 2, "both lines");
    assertEquals(cy.all("message").map(({ text }) => text), ["from ada", "from bo"]);
    await cy.type("from cy\n");
    await ada.until(() => ada.all("message").length === 2, "both answers");
    await bo.until(() => bo.all("message").length === 2, "both other lines");
  },
});

Deno.test({
  name: "given keys are as extractable and usable as asked for, once, and no other keys change",
  ignore,
  async fn() {
    const keys = await generateProcessKeys();
    const script = `
      const ask = async (name, hash, modulusLength, extractable, usages) => {
        const algorithm = { name, hash, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) };
        const pair = await crypto.subtle.generateKey(algorithm, extractable, usages);
        const { n } = await crypto.subtle.exportKey("jwk", pair.publicKey);
        const { privateKey: { extractable: isExtractable, usages: own }, publicKey } = pair;
        return [n, isExtractable, own.join(), publicKey.extractable, publicKey.usages.join()];
      };
      const said = [
        await ask("RSA-PSS", "SHA-512", 2048, true, ["sign", "verify"]),
        await ask("RSA-PSS", "SHA-512", 3072, true, ["sign", "verify"]),
        await ask("RSA-PSS", "SHA-512", 3072, false, ["sign", "verify"]),
        await ask("RSA-OAEP", "SHA-256", 2048, false, ["encrypt", "decrypt"]),
        await ask("RSA-OAEP", "SHA-256", 2048, false, ["encrypt", "decrypt"]),
      ];
      const { publicKey } = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
      console.log(JSON.stringify([...said, publicKey.algorithm.name]));`;
    const { stdout } = await new Deno.Command("deno", {
      args: ["run", ...new KeyPool([keys]).next(), `data:text/javascript;base64,${btoa(script)}`],
    }).output();
    const [small, identity, otherIdentity, session, otherSession, last] = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    const { identity: { n: first }, session: { n: second } } = keys;
    assertEquals(identity, [first, true, "sign", true, "verify"]);
    assertEquals(otherIdentity, [otherIdentity[0], false, "sign", true, "verify"]);
    assertEquals(session, [second, false, "decrypt", true, "encrypt"]);
    assertEquals(otherSession, [otherSession[0], false, "decrypt", true, "encrypt"]);
    assertEquals(small[0].length, 342); // 2048 bits
    assertNotEquals(otherIdentity[0], first);
    assertNotEquals(otherSession[0], second);
    assertEquals(last, "Ed25519");
  },
});

Deno.test("a pool hands out each entry before it starts again, and an empty one gives no flags", () => {
  const jwk = { kty: "RSA" };
  const pool = new KeyPool(["a", "b"].map((n) => ({ identity: { ...jwk, n }, session: jwk })));
  const [[first], [second], [third]] = [pool.next(), pool.next(), pool.next()];
  assertNotEquals(first, second);
  assertEquals(third, first);
  assertEquals(new KeyPool([]).next(), []);
});

Deno.test("the runner gives keys to the groups that start parley, if these take long enough", async () => {
  const group = (seconds: number, ...permissions: string[]): Group => ({
    ...{ name: "", permissions, paths: [], seconds, exclusive: [], tools: [] },
  });
  const short = group(40, "--allow-net", "--allow-run=deno");
  const long = group(80, "--allow-run=deno,tmux");
  const other = group(200, "--allow-run=sh");
  assertEquals((await shareKeys([short, other]))(short), []);
  const flagsFor = await shareKeys([short, other, long], 1);
  assertEquals([...flagsFor(other), flagsFor(short).length], [1]);
  const [flag = ""] = flagsFor(long);
  const start = `--preload=data:text/javascript,globalThis.${POOL_NAME}=`;
  const [keys] = JSON.parse(flag.slice(start.length));
  assertEquals([flag.slice(0, start.length), keys.identity.e], [start, "AQAB"]);
});
