// needs: net run=deno

/**
 * Keys that tests give to processes of the chat, and to members.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { exportSpki, fingerprint, generateRsaKeys } from "../../lib/rsa.ts";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { fixedKey, type FixedKind, fixedPair, KEYS_OF_A_KIND } from "../fixtures/fixed_keys.ts";
import { ROOT } from "../fixtures/parley.ts";
import { KeyPool, processKeys } from "../fixtures/process_keys.ts";

const ignore = !granted("run=deno");
const PIPES = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;

/** A member of the chat with the network alone, and with the keys that flags give it. */
function member(flags: readonly string[], ...args: readonly string[]): ChatProcess {
  const run = ["run", "--no-prompt", "--frozen", "--allow-net", ...flags, "main.ts", "chat"];
  const options = { args: [...run, ...args, "--json"], cwd: ROOT, ...PIPES };
  return new ChatProcess(new Deno.Command("deno", options));
}

Deno.test({
  name: "two processes in a row get different keys, and talk with one that has its own",
  ignore,
  async fn() {
    const keys = [processKeys(0), processKeys(1)];
    const pool = new KeyPool();
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
    const keys = processKeys(0);
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
      args: ["run", ...new KeyPool().next(), `data:text/javascript;base64,${btoa(script)}`],
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

Deno.test("a pool hands out each entry before it starts again", () => {
  const pool = new KeyPool();
  const flags = Array.from({ length: KEYS_OF_A_KIND + 1 }, () => pool.next().join());
  assertEquals(new Set(flags).size, KEYS_OF_A_KIND);
  assertEquals(flags.at(-1), flags[0]);
});

Deno.test("no two fixed keys are the same, each has the size of its kind, and each pair works", async () => {
  const kinds: readonly FixedKind[] = [
    ...["identity", "session", "file", "process session", "process identity"] as const,
  ];
  const all = kinds.flatMap((kind) =>
    Array.from({ length: KEYS_OF_A_KIND }, (_, index) => fixedKey(kind, index).n!)
  );
  assertEquals(new Set(all).size, kinds.length * KEYS_OF_A_KIND);
  // 256 bytes and 384 bytes, of which the first bit is set.
  assertEquals(new Set(all.slice(0, -KEYS_OF_A_KIND).map((n) => n.length)), new Set([342]));
  assertEquals(new Set(all.slice(-KEYS_OF_A_KIND).map((n) => n.length)), new Set([512]));
  assert(all.every((n) => Uint8Array.fromBase64(n, { alphabet: "base64url" })[0]! >= 128));
  const text = new TextEncoder().encode("text");
  for (let index = 0; index < KEYS_OF_A_KIND; index++) {
    const signer = await fixedPair("sign", "identity", index);
    const pss = { name: "RSA-PSS", saltLength: 64 };
    const signature = await crypto.subtle.sign(pss, signer.privateKey, text);
    assert(await crypto.subtle.verify(pss, signer.publicKey, signature, text));
    const reader = await fixedPair("encrypt", "session", index);
    const sealed = await crypto.subtle.encrypt("RSA-OAEP", reader.publicKey, text);
    const opened = await crypto.subtle.decrypt("RSA-OAEP", reader.privateKey, sealed);
    assertEquals(new Uint8Array(opened), text);
  }
});

Deno.test("a fixed pair is as extractable and usable as a generated one, also beyond the fixed ones", async () => {
  for (const [use, kind] of [["sign", "identity"], ["encrypt", "session"]] as const) {
    const generated = await generateRsaKeys(use, 2048);
    for (const index of [0, KEYS_OF_A_KIND]) {
      const pair = await fixedPair(use, kind, index);
      for (const name of ["publicKey", "privateKey"] as const) {
        const { algorithm, extractable, usages } = pair[name];
        const expected = generated[name];
        assertEquals([algorithm, extractable, usages], [
          ...[expected.algorithm, expected.extractable, expected.usages],
        ]);
      }
    }
  }
});
