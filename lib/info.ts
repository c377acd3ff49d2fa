/**
 * Facts about hosts and networks: names, addresses, DNS records, services, byte order and sockets.
 *
 * Large dependencies are loaded at first use, not with this module.
 *
 * @module
 */

export { Failure } from "./base/failure.ts";
export type { FailureOptions } from "./base/failure.ts";
export * from "./info/address/address.ts";
export { addressKind } from "./info/address/address.ts";
export type { AddressKind } from "./info/address/address.ts";
export * from "./info/address/byte_order.ts";
export { readDnsName } from "./info/dns/record.ts";
export type { DnsName } from "./info/dns/record.ts";
export type { NameServer } from "./info/dns/ask.ts";
export { RECORD_TYPES, recordText } from "./info/dns/record.ts";
export type { AnyData, RecordData, RecordType } from "./info/dns/record.ts";
export * from "./info/host.ts";
export * from "./net/resolve_host.ts";
export { readInetAton } from "./info/address/read.ts";
export type { Reading } from "./info/address/read.ts";
export { ipv6Text, readIpv6 } from "./info/address/read.ts";
export type { Missing } from "./os/io.ts";
export { readNameServers } from "./info/dns/name_servers.ts";
export * from "./info/socket/ping.ts";
export * from "./info/dns/resolve.ts";
export type { Build } from "./os/build.ts";
export * from "./info/host.ts";
export * from "./info/service.ts";
export * from "./info/socket/socket_errors.ts";
export type { SocketType } from "./info/socket/socket_options.ts";
export * from "./info/socket/socket_options.ts";
