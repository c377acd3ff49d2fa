/**
 * Which permissions this test run has: a test that needs more is ignored, and said so, not failed.
 *
 * @module
 */

/**
 * Whether all of the permissions are granted.
 *
 * @param descriptors What a test needs.
 */
export function granted(...descriptors: readonly Deno.PermissionDescriptor[]): boolean {
  return descriptors.every((d) => Deno.permissions.querySync(d).state === "granted");
}

/** Whether tests may start parley as a process: `Deno.Command("deno")`. */
export const MAY_RUN_DENO: boolean = granted({ name: "run", command: "deno" });
