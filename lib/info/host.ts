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

/** An address of an interface. */
export interface HostInterface {
  /** The interface: `eth0`. */
  readonly name: string;
  /** Which protocol's address it is. */
  readonly family: "IPv4" | "IPv6";
  /** As text. */
  readonly address: string;
  /** As text: `255.255.255.0`. */
  readonly netmask: string;
  /** Its hardware address: `02:fc:00:00:00:01`. */
  readonly mac: string;
}

/** What a host says of itself. */
export interface HostFacts {
  /** Its name (gethostname(2)), or null where that may not be known. */
  readonly name: string | null;
  /** The addresses that its name stands for (getaddrinfo(3)); none where it stands for none. */
  readonly addresses: readonly string[];
  /** Why its name stands for no address: `ENOTFOUND`; or null. */
  readonly lookup_error: string | null;
  /** Its interfaces, an entry for each address; or null where they may not be known. */
  readonly interfaces: readonly HostInterface[] | null;
  /** The operating system: `linux`. */
  readonly os: string;
  /** The processor's architecture: `x86_64`. */
  readonly arch: string;
  /** The version of the system's kernel, or null where that may not be known. */
  readonly release: string | null;
  /** What is null for want of a permission, and the flag that would show it. */
  readonly missing: readonly Missing[];
}

/** Describes this host, as far as that is permitted. */
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
 * How many bits an IPv6 netmask has set: 64 for `ffff:ffff:ffff:ffff::`.
 *
 * @param netmask As text.
 * @throws {Failure} `USAGE`, where it is none.
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
    return { addresses: [], lookup_error: code }; // a host's own name is often nowhere listed
  }
}

/** What parley runs on. */
export interface RuntimeFacts {
  /** The version of parley. */
  readonly parley: string;
  /** The version of Deno. */
  readonly deno: string;
  /** The version of V8, its JavaScript engine. */
  readonly v8: string;
  /** The version of TypeScript. */
  readonly typescript: string;
  /** The platform that it was built for: `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** How it was made: run from source, compiled, or self-contained. */
  readonly build: Build;
  /** Whether it is an executable file of its own. */
  readonly compiled: boolean;
}

/** Describes the runtime. It takes no permission. */
export function describeRuntime(): RuntimeFacts {
  const { deno, v8, typescript } = Deno.version;
  const { target } = Deno.build;
  const compiled = BUILD !== "source";
  return { parley: VERSION, deno, v8, typescript, target, build: BUILD, compiled };
}

/** What a step with virtualenv and pip becomes with Deno. */
export interface EnvironmentStep {
  /** The step, as the tutorial takes it. */
  readonly virtualenv: string;
  /** What stands for it. */
  readonly deno: string;
}

/** How virtual environments, one program's packages apart from another's, map to Deno. */
export const ENVIRONMENT_STEPS: readonly EnvironmentStep[] = [
  {
    virtualenv: "mkvirtualenv NAME",
    deno: "nothing to make: deno.json names a project's packages",
  },
  {
    virtualenv: "workon NAME",
    deno: "nothing to switch: each program finds the deno.json beside it or above",
  },
  { virtualenv: "pip install PACKAGE", deno: "deno add npm:PACKAGE, which writes deno.json" },
  {
    virtualenv: "pip freeze",
    deno: "deno.lock, which pins every package, with its checksum; a frozen one refuses changes",
  },
  {
    virtualenv: "a copy of each package",
    deno: "one cache for all projects (DENO_DIR), every version beside the others",
  },
  {
    virtualenv: "deactivate, rmvirtualenv NAME",
    deno: "nothing to leave or remove; deno clean empties the cache",
  },
  {
    virtualenv: "no limit to what a program may do",
    deno: "permissions: a program has the files and the network that its flags grant",
  },
];
