/**
 * The Enter key.
 *
 * @module
 */

import { type Io, writeAll } from "../io.ts";

/** Somebody at a keyboard. */
export interface EnterKey extends Disposable {
  /** Asks for Enter, and waits for it, or for the end of the input. */
  pressed(): Promise<void>;
}

/** Listens to standard input, until it is disposed. */
export function enterKey({ input, output }: Io): EnterKey {
  const chunks = input.chunks()[Symbol.asyncIterator]();
  let over = false;
  return {
    pressed: async () => {
      if (over) return;
      writeAll(output, "\n(Enter goes on) ");
      for (;;) {
        const { done, value } = await chunks.next();
        over = done === true;
        if (done === true || value.includes(0x0a)) return;
      }
    },
    [Symbol.dispose]: () => void chunks.return?.(),
  };
}
