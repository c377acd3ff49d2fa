/**
 * A zone of three thousand records in all types that a server can be given, the same each time.
 *
 * @module
 */

/** Numbers from a seed (mulberry32). */
class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to one less than `below`. */
  below(below: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * below);
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  hex(length: number): string {
    return this.bytes(length).toHex();
  }

  base64(length: number): string {
    return this.bytes(length).toBase64();
  }

  /** Octets as a quoted text: plain ones, and some of every kind. */
  text(most = 40): string {
    const plain = this.below(3) === 0;
    const octets = Array.from({ length: this.below(most) }, () => {
      const octet = plain ? 0x20 + this.below(0x5f) : this.below(256);
      return `\\${String(octet).padStart(3, "0")}`;
    });
    return `"${octets.join("")}"`;
  }

  /** A name with labels of every kind of octet. */
  name(): string {
    const labels = Array.from({ length: 1 + this.below(4) }, () => {
      if (this.below(2) === 0) {
        return this.one(["www", "_sip", "xn--bcher-kva", "a-b", "0/25", "X"]);
      }
      const octets = Array.from({ length: 1 + this.below(12) }, () => this.below(256));
      return octets.map((octet) => `\\${String(octet).padStart(3, "0")}`).join("");
    });
    return this.below(20) === 0 ? "." : `${labels.join(".")}.example.`;
  }

  ipv4(): string {
    return this.bytes(4).join(".");
  }

  ipv6(): string {
    const zeros = this.below(3) > 0;
    const groups = Array.from({ length: 8 }, () => {
      return zeros && this.below(3) > 0 ? "0" : this.below(65_536).toString(16);
    });
    const mapped = this.below(10) === 0;
    return mapped ? `::ffff:${this.ipv4()}` : groups.join(":");
  }

  u8(): number {
    return this.one([0, 1, 2, 255, this.below(256)]);
  }

  u16(): number {
    return this.one([0, 1, 65_535, this.below(65_536)]);
  }

  u32(): number {
    return this.one([0, 1, 4_294_967_295, this.below(2 ** 32)]);
  }

  types(): string {
    const types = ["A", "NS", "MX", "TXT", "AAAA", "SRV", "HTTPS", "CAA", "TYPE1234", "TYPE65535"];
    const chosen = types.filter(() => this.below(2) === 0);
    return chosen.length === 0 ? "A" : chosen.join(" ");
  }
}

/**
 * The data of one record of each type, as a master file has it. NS and NSEC3 are not among them: a
 * server gives those where they are not asked for.
 */
const TYPES: Readonly<Record<string, (n: Numbers) => string>> = {
  A: (n) => n.ipv4(),
  AAAA: (n) => n.ipv6(),
  CNAME: (n) => n.name(),
  DNAME: (n) => n.name(),
  PTR: (n) => n.name(),
  MB: (n) => n.name(),
  MG: (n) => n.name(),
  MR: (n) => n.name(),
  MINFO: (n) => `${n.name()} ${n.name()}`,
  MX: (n) => `${n.u16()} ${n.name()}`,
  KX: (n) => `${n.u16()} ${n.name()}`,
  RT: (n) => `${n.u16()} ${n.name()}`,
  AFSDB: (n) => `${n.u16()} ${n.name()}`,
  PX: (n) => `${n.u16()} ${n.name()} ${n.name()}`,
  RP: (n) => `${n.name()} ${n.name()}`,
  SRV: (n) => `${n.u16()} ${n.u16()} ${n.u16()} ${n.name()}`,
  TALINK: (n) => `${n.name()} ${n.name()}`,
  TXT: (n) => Array.from({ length: 1 + n.below(4) }, () => n.text()).join(" "),
  SPF: (n) => Array.from({ length: 1 + n.below(2) }, () => n.text()).join(" "),
  AVC: (n) => n.text(),
  NINFO: (n) => n.text(),
  RESINFO: (n) => n.text(),
  WALLET: (n) => n.text(),
  GPOS: (n) => `${n.below(180)}.5 -${n.below(90)}.25 ${n.below(9000)}.0`,
  ISDN: (n) => `"1500${n.below(9_000_000)}" "00${n.below(9)}"`,
  "NSAP-PTR": (n) => n.name(),
  RKEY: (n) => `0 255 ${n.u8()} ${n.base64(3 + n.below(60))}`,
  HINFO: (n) => `${n.text()} ${n.text()}`,
  X25: (n) => `"${4000 + n.below(90_000)}"`,
  CAA: (n) => `${n.u8()} ${n.one(["issue", "issuewild", "iodef", "x9"])} ${n.text()}`,
  URI: (n) => `${n.u16()} ${n.u16()} "ftp://a${n.text(20).slice(1)}`,
  NAPTR: (n) =>
    `${n.u16()} ${n.u16()} "${n.one(["s", "u", "a", ""])}" ${n.text(20)} "" ${n.name()}`,
  LOC: (n) => location(n),
  DS: (n) => delegation(n),
  CDS: (n) => delegation(n),
  DLV: (n) => delegation(n),
  TA: (n) => delegation(n),
  DNSKEY: (n) => key(n),
  CDNSKEY: (n) => key(n),
  KEY: (n) => key(n),
  RRSIG: (n) => signature(n),
  SIG: (n) => signature(n),
  NSEC: (n) => `${n.name()} ${n.types()}`,
  NSEC3PARAM: (n) => `1 0 ${n.u16()} ${n.one(["-", n.hex(1 + n.below(20))])}`,
  TLSA: (n) => `${n.u8()} ${n.u8()} ${n.u8()} ${n.hex(1 + n.below(80))}`,
  SMIMEA: (n) => `${n.u8()} ${n.u8()} ${n.u8()} ${n.hex(1 + n.below(80))}`,
  SSHFP: (n) => {
    const [type, length] = n.one([[1, 20], [2, 32]] as const);
    return `${n.u8()} ${type} ${n.hex(length)}`;
  },
  CERT: (n) =>
    `${n.one(["PKIX", "PGP", "URI", "OID", "1234"])} ${n.u16()} ` +
    `${n.one(["0", "RSASHA256", "ED25519", "99"])} ${n.base64(1 + n.below(90))}`,
  OPENPGPKEY: (n) => n.base64(1 + n.below(120)),
  DHCID: (n) => n.base64(3 + n.below(60)),
  CSYNC: (n) => `${n.u32()} ${n.u16()} ${n.types()}`,
  ZONEMD: (n) => `${n.u32()} 1 1 ${n.hex(48)}`,
  EUI48: (n) => n.hex(6).match(/../g)!.join("-"),
  EUI64: (n) => n.hex(8).match(/../g)!.join("-"),
  NID: (n) => `${n.u16()} ${locator(n)}`,
  L32: (n) => `${n.u16()} ${n.ipv4()}`,
  L64: (n) => `${n.u16()} ${locator(n)}`,
  LP: (n) => `${n.u16()} ${n.name()}`,
  HTTPS: (n) => service(n),
  SVCB: (n) => service(n),
  TYPE731: (n) => generic(n),
  TYPE65280: (n) => generic(n),
};

function delegation(n: Numbers): string {
  const [type, length] = n.one([[1, 20], [2, 32], [4, 48]] as const);
  return `${n.u16()} ${n.one([5, 8, 13, 15])} ${type} ${n.hex(length)}`;
}

function key(n: Numbers): string {
  return `${n.one([256, 257, 0])} 3 ${n.one([5, 8, 10])} ${n.base64(12 + n.below(120))}`;
}

function signature(n: Numbers): string {
  const time = () => {
    return `20${n.one(["24", "30"])}0${1 + n.below(9)}1${n.below(9)}12${10 + n.below(50)}59`;
  };
  return [
    n.one(["A", "MX", "HTTPS", "TYPE999"]),
    n.one([5, 8]),
    2 + n.below(4),
    n.u16(),
    time(),
    time(),
    n.u16(),
    n.one(["example.", "a.example."]),
    n.base64(64 + n.below(80)),
  ].join(" ");
}

function locator(n: Numbers): string {
  return Array.from({ length: 4 }, () => n.u16().toString(16)).join(":");
}

function location(n: Numbers): string {
  const angle = (most: number, signs: string) => {
    return `${n.below(most)} ${n.below(60)} ${n.below(60)}.${
      String(n.below(1000)).padStart(3, "0")
    } ` +
      n.one([...signs]);
  };
  const size = () => n.one(["1m", "0.05m", "0.50m", "30m", "10000m", "9000000m", "0.00m"]);
  const altitude = n.one(["-100.00m", "0.00m", `${n.below(40_000)}.${10 + n.below(90)}m`]);
  return `${angle(90, "NS")} ${angle(180, "EW")} ${altitude} ${size()} ${size()} ${size()}`;
}

function service(n: Numbers): string {
  const target = n.below(2) === 0 ? "." : "svc.example.";
  if (n.below(6) === 0) return `0 svc.example.`;
  const parameters = [
    () => `alpn="${n.one(["h2", "h2,h3", "h2,h3,http/1.1", "f\\\\\\\\oo\\\\,bar,h2"])}"`,
    () => `port=${n.u16()}`,
    () => `ipv4hint=${n.ipv4()},${n.ipv4()}`,
    () => `ech=${n.base64(8 + n.below(40))}`,
    () => `ipv6hint=${n.ipv6()}`,
    () => `key${100 + n.below(900)}=${n.text(12)}`,
    () => `key${2000 + n.below(900)}`,
  ].filter(() => n.below(2) === 0).map((make) => make());
  return [1 + n.below(65_535), target, ...parameters].join(" ");
}

function generic(n: Numbers): string {
  const length = n.below(60);
  return length === 0 ? "\\# 0" : `\\# ${length} ${n.hex(length)}`;
}

/** The data of NSEC3 records in the form in which they travel (RFC 5155 section 3.2). */
export function nextHashes(count: number, seed: number): Uint8Array<ArrayBuffer>[] {
  const n = new Numbers(seed);
  return Array.from({ length: count }, () => {
    const salt = n.bytes(n.one([0, 1, 8, n.below(40)]));
    const windows = [0, 1, 255].filter(() => n.below(2) === 0).flatMap((window) => {
      const bits = [...n.bytes(n.below(32)), 1 + n.below(255)];
      return [window, bits.length, ...bits];
    });
    const hash = n.bytes(20);
    const head = [1, n.below(2), n.below(256), n.below(256), salt.length, ...salt];
    return Uint8Array.from([...head, hash.length, ...hash, ...windows]);
  });
}

/** A record of the corpus. */
export interface CorpusRecord {
  readonly name: string;
  readonly type: string;
}

/** A zone, and what to ask it for. */
export interface Corpus {
  /** The name of the zone. */
  readonly zone: string;
  /** Its master file. */
  readonly text: string;
  readonly records: readonly CorpusRecord[];
}

/** The names that owners have beside `r1`, `r2` …: with octets of every kind. */
const ODD_OWNERS = [
  "a\\032b",
  "x\\.y",
  "\\000\\255",
  "caf\\195\\169",
  'q\\"\\(\\)\\;\\@\\$',
  "A_b/c+d",
];

/**
 * Makes the corpus.
 *
 * @param count How many records.
 * @param seed The same gives the same.
 */
export function makeCorpus(count: number, seed: number): Corpus {
  const numbers = new Numbers(seed);
  const types = Object.keys(TYPES);
  const records: CorpusRecord[] = [];
  const lines = [
    "$TTL 300",
    "@ IN SOA ns.corpus.test. admin.corpus.test. 1 7200 900 1209600 300",
    "@ IN NS ns.corpus.test.",
    "ns IN A 127.0.0.1",
  ];
  for (let i = 0; i < count; i++) {
    const type = types[i % types.length]!;
    const owner = i % 9 === 0 ? `${numbers.one(ODD_OWNERS)}.r${i}` : `r${i}`;
    records.push({ name: `${owner}.corpus.test.`, type });
    lines.push(`${owner} ${numbers.below(2 ** 31)} IN ${type} ${TYPES[type]!(numbers)}`);
  }
  return { zone: "corpus.test", text: `${lines.join("\n")}\n`, records };
}
