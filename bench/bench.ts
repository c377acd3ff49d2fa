/**
 * Benchmarks: `deno task bench NAME [OPTION]…`.
 *
 * @module
 */

interface Benchmark {
  run(args: string[]): Promise<number>;
}

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  chat: () => import("./chat.ts"),
  dns: () => import("./dns.ts"),
  overload: () => import("./overload.ts"),
  startup: () => import("./startup.ts"),
  tcp: () => import("./tcp.ts"),
  udp: () => import("./udp.ts"),
  web: () => import("./web.ts"),
};

async function main([name, ...args]: readonly string[]): Promise<number> {
  const load = name === undefined ? undefined : BENCHMARKS[name];
  if (load === undefined) {
    console.error(`usage: deno task bench ${Object.keys(BENCHMARKS).join(" | ")} [OPTION]...`);
    return 2;
  }
  const { run } = await load();
  return await run(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
