/**
 * Whether the chat waits for the runtime's cryptography. In a test, nothing else takes time in a relay or a member: their
 * clocks stand still, and their links are memory.
 *
 * @module
 */

/** Every method of WebCrypto that the chat calls. */
const METHODS: readonly string[] = [
  "sign",
  "verify",
  "encrypt",
  "decrypt",
  "digest",
  "deriveBits",
  "deriveKey",
  "importKey",
  "exportKey",
  "generateKey",
];

let working = 0;

for (const name of METHODS) {
  const method: (...args: unknown[]) => Promise<unknown> = Reflect.get(
    SubtleCrypto.prototype,
    name,
  );
  Reflect.set(SubtleCrypto.prototype, name, async function (this: unknown, ...args: unknown[]) {
    working += 1;
    try {
      return await Reflect.apply(method, this, args);
    } finally {
      working -= 1;
    }
  });
}

/** The turns of the event loop after which nothing more comes. */
const QUIET_TURNS = 3;

/**
 * Waits until no cryptography is under way and nothing more happens, however busy the machine is.
 *
 * @param happened Returns how much has happened so far.
 * @param turn Awaited in each turn.
 */
export async function quiet(
  happened: () => number,
  turn: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  let before = -1;
  for (let turns = 0; turns < QUIET_TURNS;) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await turn();
    const now = happened();
    turns = now === before && working === 0 ? turns + 1 : 0;
    before = now;
  }
}
