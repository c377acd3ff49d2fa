/**
 * What a host and its network say of themselves: names, addresses, services, byte order, sockets.
 *
 * Everything heavy is loaded where it is first used, not with this module.
 *
 * @module
 */

export { Failure } from "./failure.ts";
export type { FailureOptions } from "./failure.ts";
export * from "./info/address.ts";
export { addressKind } from "./info/address_kind.ts";
export type { AddressKind } from "./info/address_kind.ts";
export * from "./info/byte_order.ts";
export { readDnsName } from "./info/dns_name.ts";
export type { DnsName } from "./info/dns_name.ts";
export type { NameServer } from "./info/dns_ask.ts";
export { RECORD_TYPES, recordText } from "./info/dns_record.ts";
export type { AnyData, RecordData, RecordType } from "./info/dns_record.ts";
export * from "./info/host.ts";
export * from "./info/host_lookup.ts";
export { readInetAton } from "./info/inet_aton.ts";
export type { Reading } from "./info/inet_aton.ts";
export { ipv6Text, readIpv6 } from "./info/ipv6.ts";
export type { Missing } from "./info/missing.ts";
export { readNameServers } from "./info/name_servers.ts";
export * from "./info/ping.ts";
export * from "./info/resolve.ts";
export type { Build } from "./build.ts";
export * from "./info/runtime.ts";
export * from "./info/service.ts";
export * from "./info/socket_errors.ts";
export type { SocketType } from "./info/libc.ts";
export * from "./info/socket_options.ts";
