/**
 * The Enter key.
 *
 * @module
 */

import { writeAll } from "../write_all.ts";

/** Somebody at a keyboard. */
export interface EnterKey extends Disposable {
  /** Asks for Enter, and waits for it, or for the end of the input. */
  pressed(): Promise<void>;
}

/** Listens to standard input, until it is disposed. */
export function enterKey(): EnterKey {
  const reader = Deno.stdin.readable.getReader();
  let over = false;
  return {
    pressed: async () => {
      if (over) return;
      writeAll(Deno.stdout, "\n(Enter goes on) ");
      for (;;) {
        const { done, value } = await reader.read();
        over = done;
        if (done || value.includes(0x0a)) return;
      }
    },
    [Symbol.dispose]: () => void reader.cancel(),
  };
}
