/**
 * Facts about hosts and networks: names, addresses, DNS records, services, byte order and sockets.
 *
 * Large dependencies are loaded at first use, not with this module.
 *
 * @module
 */

export type { HostPort } from "./base/host_port.ts";
export { Failure } from "./base/failure.ts";
export type { FailureOptions } from "./base/failure.ts";
export * from "./info/address/address.ts";
export { addressKind } from "./info/address/address.ts";
export type { AddressKind } from "./info/address/address.ts";
export { readDnsName, readResolvConf } from "./info/dns/name.ts";
export type { DnsName, ResolvConf, SearchList } from "./info/dns/name.ts";
export { SocketPool } from "./info/dns/ask.ts";
export type { AskOptions, OwnSocket, Transport } from "./info/dns/ask.ts";
export { readNameServers } from "./info/dns/name.ts";
export type { NameServer } from "./info/dns/name.ts";
export type { EdnsFacts, ReplyFacts } from "./info/dns/answer.ts";
export type { FieldValue, TextStyle } from "./info/dns/fields.ts";
export type { EdnsOption, ExtendedError } from "./info/dns/message.ts";
export { DNS_TYPES, readRecordType, RECORD_TYPES, recordText } from "./info/dns/record.ts";
export type { AnyData, DnsRecord, RecordData, RecordType } from "./info/dns/record.ts";
export * from "./net/resolve_host.ts";
export {
  bytesOf,
  HOST_BYTE_ORDER,
  htonl,
  htons,
  ipv6Text,
  ntohl,
  ntohs,
  readInetAton,
  readIpv6,
  readNumber,
} from "./info/address/inet.ts";
export type { Bits, ByteOrder, Reading } from "./info/address/inet.ts";
export type { Missing } from "./os/io.ts";
export { pingHosts } from "./info/ping/hosts.ts";
export type {
  HostAddresses,
  HostLookupFailed,
  HostProbe,
  OfHost,
  PingEvent,
  PingHostsOptions,
} from "./info/ping/hosts.ts";
export { ping } from "./info/ping/ping.ts";
export type { PingOptions, Probe } from "./info/ping/ping.ts";
export { MAX_ADDRESSES, PingStatistics, sparkline } from "./info/ping/ping.ts";
export type { AddressChange, PingSummary, ProbeState } from "./info/ping/ping.ts";
export { failuresOf, resolve } from "./info/dns/resolve.ts";
export type { Resolution, ResolveOptions } from "./info/dns/resolve.ts";
export type { Build } from "./os/build.ts";
export * from "./info/host.ts";
export * from "./info/host.ts";
export * from "./info/socket/socket_errors.ts";
export type { SocketType } from "./info/socket/socket_options.ts";
export * from "./info/socket/socket_options.ts";
