/**
 * The permissions of the process: those that were granted as a whole, and those that were granted, or
 * refused, for a part alone: `--allow-read=FILE`, `--deny-net=HOST`.
 *
 * @module
 */

/** A permission that was granted in part. */
export interface PartialGrant {
  /** `read`, `net` … */
  readonly name: string;
  /** Whether it was granted as a whole, but for parts; else parts alone were. */
  readonly whole: boolean;
  /** The parts that are known: those that were granted, or of a whole those that were refused. */
  readonly parts: readonly string[];
}

/** What the process was granted. */
export interface Grants {
  /** As a whole; what was granted for a part alone is not among them. */
  readonly granted: readonly string[];
  readonly inPart: readonly PartialGrant[];
}

/**
 * Asks for everything that was granted.
 *
 * @param names The permissions that there are.
 */
export function readGrants(names: readonly Deno.PermissionDescriptor["name"][]): Grants {
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return { granted, inPart: partialGrants(names) };
}

/** What parley itself may ask for by name. */
const PARTS = {
  read: ["/etc/services", "/etc/hosts"],
  net: ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"],
  sys: [
    ...["hostname", "osRelease", "osUptime", "loadavg", "networkInterfaces", "systemMemoryInfo"],
    ...["cpus", "uid", "gid", "username", "userInfo", "homedir", "statfs", "inspector"],
    ...["getPriority", "setPriority"],
  ],
} as const;

/**
 * The permissions that were granted in part. The runtime tells of a part to those alone who ask for it by
 * its name, so that one which parley has no name for is not among them; that a whole lacks a part it tells.
 *
 * @param names The permissions that there are.
 */
function partialGrants(names: readonly Deno.PermissionDescriptor["name"][]): PartialGrant[] {
  return names.flatMap((name): PartialGrant[] => {
    const { state, partial } = Deno.permissions.querySync({ name });
    if (state === "denied" || (state === "granted" && !partial)) return [];
    const whole = state === "granted";
    const parts = partsOf(name, whole ? "denied" : "granted");
    return whole || parts.length > 0 ? [{ name, whole, parts }] : [];
  });
}

function partsOf(name: Deno.PermissionDescriptor["name"], state: Deno.PermissionState): string[] {
  const among = descriptorsOf(name);
  return among.filter(([, each]) => Deno.permissions.querySync(each).state === state)
    .map(([part]) => part);
}

function descriptorsOf(
  name: Deno.PermissionDescriptor["name"],
): [string, Deno.PermissionDescriptor][] {
  if (name === "read") return PARTS.read.map((path) => [path, { name, path }]);
  if (name === "net") return PARTS.net.map((host) => [host, { name, host }]);
  // The runtime knows more kinds than the type of its descriptors does.
  if (name === "sys") return PARTS.sys.map((kind) => [kind, { name, kind: kind as "hostname" }]);
  return [];
}
