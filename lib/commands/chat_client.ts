export function run(_i: unknown): Promise<number> {
  return Promise.resolve(0);
}
