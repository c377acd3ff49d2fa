/**
 * Parts that cannot be shown for want of a permission, and the flag that would show them.
 *
 * @module
 */

/** A part that is not shown. */
export interface Missing {
  /** What it is, in words. */
  readonly part: string;
  /** The flag that would show it: `--allow-sys`; null where none does on this system. */
  readonly flag: string | null;
}

/** Whether a permission is granted: asks nobody. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
