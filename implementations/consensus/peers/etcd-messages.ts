/**
 * The messages of etcd's API, as far as they are used: methods, field numbers, and the requests' building blocks.
 *
 * @see etcd's `etcdserver/etcdserverpb/rpc.proto` and `mvcc/mvccpb/kv.proto`; numbers in use never change their
 *   meaning.
 */

import type { Fields } from "./protobuf.ts";

export const methods = {
  range: "/etcdserverpb.KV/Range",
  put: "/etcdserverpb.KV/Put",
  txn: "/etcdserverpb.KV/Txn",
  status: "/etcdserverpb.Maintenance/Status",
} as const;

/** Field numbers of the messages used, by message; see etcd's `rpc.proto` and `kv.proto`. */
export const field = {
  header: { member: 2 },
  range: { key: 1, rangeEnd: 2, revision: 4, serializable: 7 },
  rangeAnswer: { keyValues: 2 },
  put: { key: 1, value: 2, previous: 4 },
  putAnswer: { previous: 2 },
  operation: { range: 1, put: 2, txn: 4 },
  compare: { result: 1, target: 2, key: 3, version: 4, value: 7 },
  txn: { compare: 1, success: 2, failure: 3 },
  txnAnswer: { succeeded: 2, answers: 3 },
  keyValue: { key: 1, createRevision: 2, version: 4, value: 5 },
  status: { version: 2, databaseBytes: 3, leader: 4, raftIndex: 5, term: 6, appliedIndex: 7 },
} as const;

export const comparison = { equal: 0, greater: 1 } as const;
export const target = { version: 0, value: 3 } as const;

/** Where things are: registers, entries of the list, and the key whose version counts the entries. */
export const registerPrefix = "r/";
export const entryPrefix = "l/";
export const countKey = "n";

/** Version 0 is that of a key which was never put. */
export function versionIs(key: string, version: number): Fields {
  return [
    [field.compare.result, comparison.equal],
    [field.compare.target, target.version],
    [field.compare.key, key],
    [field.compare.version, version],
  ];
}

export function txn(compare: readonly Fields[], success: readonly Fields[], failure: readonly Fields[]): Fields {
  return [
    ...compare.map((each) => [field.txn.compare, each] as const),
    ...success.map((each) => [field.txn.success, each] as const),
    ...failure.map((each) => [field.txn.failure, each] as const),
  ];
}

export function put(key: string, value: string): Fields {
  return [[field.operation.put, putFields(key, value)]];
}

export function putFields(key: string, value: string): Fields {
  return [
    [field.put.key, key],
    [field.put.value, value],
  ];
}

export function range(key: string, rangeEnd?: string): Fields {
  const end = rangeEnd === undefined ? [] : [[field.range.rangeEnd, rangeEnd] as const];
  return [[field.range.key, key], ...end];
}

/** The first key after all that begin with `prefix`, whose last character is a plain one. */
export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCodePoint((prefix.codePointAt(prefix.length - 1) ?? 0) + 1);
}
