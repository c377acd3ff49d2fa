/**
 * The names by which the most used ports are known, before IANA's registry.
 *
 * The registry has one row a name, several a port, and what reduces it to one a port keeps the last:
 * port 80 is then `www-http`. Here is which of the names is the usual one, and the aliases that
 * services(5) files give it.
 *
 * @module
 */

/** The usual name of a port, and its aliases; by port, or by port and protocol where they differ. */
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
