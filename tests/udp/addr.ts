/**
 * Addresses and patience for the tests of datagrams.
 *
 * @module
 */

/** An address. */
export function addr(hostname: string, port: number): Deno.NetAddr {
  return { transport: "udp", hostname, port };
}

/** Numbers that look random and are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Waits until a condition holds; fails after three minutes. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
