/**
 * This host and the runtime: names, addresses, interfaces, system, and versions.
 *
 * @module
 */

import { lookUpHost } from "../net/resolve_host.ts";
import { BUILD, type Build, VERSION } from "../os/build.ts";
import { errorCode, SOCKET_ERRORS } from "../os/errors.ts";
import { isGranted, type Missing } from "../os/io.ts";
import { readIpv6 } from "./address/read.ts";

/** An address of a network interface. */
export interface HostInterface {
  /** The interface, such as `eth0`. */
  readonly name: string;
  /** The protocol that the address belongs to. */
  readonly family: "IPv4" | "IPv6";
  /** The address as text. */
  readonly address: string;
  /** The netmask as text, such as `255.255.255.0`. */
  readonly netmask: string;
  /** The hardware address, such as `02:fc:00:00:00:01`. */
  readonly mac: string;
}

/** A description of this host. */
export interface HostFacts {
  /** The host's name (gethostname(2)); null without permission. */
  readonly name: string | null;
  /** The addresses that the name resolves to (getaddrinfo(3)); empty if it does not resolve. */
  readonly addresses: readonly string[];
  /** The error code of the lookup, such as `ENOTFOUND`; null if the name resolves. */
  readonly lookup_error: string | null;
  /** The interfaces, with one entry for each address; null without permission. */
  readonly interfaces: readonly HostInterface[] | null;
  /** The operating system, such as `linux`. */
  readonly os: string;
  /** The processor's architecture, such as `x86_64`. */
  readonly arch: string;
  /** The version of the kernel; null without permission. */
  readonly release: string | null;
  /** The parts that are null because a permission is missing, and the flag that grants it. */
  readonly missing: readonly Missing[];
}

/** Describes this host, as far as the permissions allow. */
export async function describeHost(): Promise<HostFacts> {
  const missing: Missing[] = [];
  const permitted = (kind: "hostname" | "networkInterfaces" | "osRelease", part: string) => {
    const granted = isGranted({ name: "sys", kind });
    if (!granted) missing.push({ part, permission: "sys" });
    return granted;
  };
  const name = permitted("hostname", "the host's name and its addresses") ? Deno.hostname() : null;
  const interfaces = permitted("networkInterfaces", "its interfaces") ? hostInterfaces() : null;
  const release = permitted("osRelease", "the version of its system") ? Deno.osRelease() : null;
  const { os, arch } = Deno.build;
  const found = await addressesOf(name, missing);
  return { name, ...found, interfaces, os, arch, release, missing };
}

function hostInterfaces(): HostInterface[] {
  return Deno.networkInterfaces()
    .map(({ name, family, address, netmask, mac }) => ({ name, family, address, netmask, mac }));
}

/**
 * Returns the prefix length of an IPv6 netmask: 64 for `ffff:ffff:ffff:ffff::`.
 *
 * @param netmask The netmask as text.
 * @throws {Failure} `USAGE` if it is not an IPv6 address.
 */
export function prefixLength(netmask: string): number {
  const bits = Array.from(readIpv6(netmask).bytes, (byte) => byte.toString(2).replaceAll("0", ""));
  return bits.join("").length;
}

async function addressesOf(
  name: string | null,
  missing: Missing[],
): Promise<Pick<HostFacts, "addresses" | "lookup_error">> {
  if (name === null) return { addresses: [], lookup_error: null };
  try {
    const found = await lookUpHost(name);
    return { addresses: found.map(({ address }) => address), lookup_error: null };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      missing.push({ part: "the addresses of the host's name", permission: "net" });
      return { addresses: [], lookup_error: null };
    }
    const code = errorCode(error);
    if (code === undefined || SOCKET_ERRORS[code] === undefined) throw error;
    return { addresses: [], lookup_error: code }; // common: a host's own name need not be in DNS
  }
}

/** A description of the runtime. */
export interface RuntimeFacts {
  /** The version of parley. */
  readonly parley: string;
  /** The version of Deno. */
  readonly deno: string;
  /** The version of V8, its JavaScript engine. */
  readonly v8: string;
  /** The version of TypeScript. */
  readonly typescript: string;
  /** The target platform, such as `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** How this copy was built: run from source, compiled, or self-contained. */
  readonly build: Build;
  /** Whether it is an executable file. */
  readonly compiled: boolean;
}

/** Describes the runtime. Needs no permission. */
export function describeRuntime(): RuntimeFacts {
  const { deno, v8, typescript } = Deno.version;
  const { target } = Deno.build;
  const compiled = BUILD !== "source";
  return { parley: VERSION, deno, v8, typescript, target, build: BUILD, compiled };
}

/** A step with virtualenv and pip, and its counterpart with Deno. */
export interface EnvironmentStep {
  /** The step in the tutorial. */
  readonly virtualenv: string;
  /** Its counterpart with Deno. */
  readonly deno: string;
}

/** How the steps with virtual environments, which keep each program's packages apart, map to Deno. */
export const ENVIRONMENT_STEPS: readonly EnvironmentStep[] = [
  {
    virtualenv: "mkvirtualenv NAME",
    deno: "not needed: deno.json names a project's packages",
  },
  {
    virtualenv: "workon NAME",
    deno: "not needed: each program finds the deno.json in its directory or above",
  },
  { virtualenv: "pip install PACKAGE", deno: "deno add npm:PACKAGE, which writes deno.json" },
  {
    virtualenv: "pip freeze",
    deno: "deno.lock, which pins every package and its checksum; a frozen lock file cannot change",
  },
  {
    virtualenv: "a copy of each package",
    deno: "one cache for all projects (DENO_DIR), which holds all versions side by side",
  },
  {
    virtualenv: "deactivate, rmvirtualenv NAME",
    deno: "not needed; deno clean empties the cache",
  },
  {
    virtualenv: "no limit on what a program may do",
    deno: "permissions: a program can use only the files and hosts that its flags grant",
  },
];
