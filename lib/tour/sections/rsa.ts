/**
 * RSA with files, in a directory that is gone afterwards.
 *
 * @module
 */

import { command, commands, type Section } from "../step.ts";

/** Keys, a letter, a signature. */
export const RSA: Section = {
  name: "rsa",
  title: "RSA",
  setting: openDirectory,
  steps: [
    commands(
      `A pair of keys: one file to keep, which only you can read, and one to give away. Its fingerprint is
what people compare. Done here in a directory that is removed afterwards.`,
      [
        ["parley rsa keygen --bits 2048 -o ada.pem", { patterns: [/SHA256:[A-Za-z0-9+/]{43}/] }],
        ["parley rsa inspect ada.pem", { patterns: [/^modulus +2048 bits$/m] }],
      ],
    ),
    commands(
      `Anyone can encrypt to the public key. Only the private one opens it. The text may be of any length:
RSA encrypts a key for AES, and that the text.`,
      [
        ["parley rsa encrypt --to ada.pem.pub -o letter.jwe", {
          patterns: [],
          input: "meet me at noon\n",
        }],
        ["parley rsa decrypt --key ada.pem letter.jwe", { patterns: [/^meet me at noon$/m] }],
      ],
    ),
    commands(
      `The other way round, the private key signs and everybody can check it. A changed text does not pass:
the last command must fail.`,
      [
        ["parley rsa sign --key ada.pem -o letter.sig", {
          patterns: [],
          input: "meet me at noon\n",
        }],
        ["parley rsa verify --key ada.pem.pub --signature letter.sig", {
          patterns: [/SHA256:/],
          input: "meet me at noon\n",
        }],
        ["parley rsa verify --key ada.pem.pub --signature letter.sig", {
          patterns: [/^parley: /m],
          input: "meet me at one\n",
          code: 1,
        }],
      ],
    ),
    command(
      `The fingerprint is the same whichever of the two files it is taken of.`,
      "parley rsa fingerprint ada.pem.pub",
      { patterns: [/^SHA256:[A-Za-z0-9+/]{43}/m] },
    ),
  ],
};

/** A new working directory; the old one when it is disposed. */
async function openDirectory(): Promise<AsyncDisposable> {
  const before = Deno.cwd();
  const directory = await Deno.makeTempDir({ prefix: "parley-tour-" });
  Deno.chdir(directory);
  return {
    [Symbol.asyncDispose]: async () => {
      Deno.chdir(before);
      await Deno.remove(directory, { recursive: true });
    },
  };
}
