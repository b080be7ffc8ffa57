/**
 * Questions that change nothing, beside `get`: ranges of keys, how many there are, and how locks and leases are. As values, and as
 * CBOR in a client's request and its reply.
 *
 * | query | bytes | answer |
 * |---|---|---|
 * | range | `[1, prefix, from, to, cursor, limit, reverse, keysOnly]` | `[cursor, [key, version, value, key, …]]` |
 * | count | `[2, prefix, from, to]` | `[count]` |
 * | lock | `[3, name]` | `[token, remainingMs]`; both 0 if nobody holds it |
 * | lease | `[4, lease]` | `[lease, ttlMs, remainingMs, keys]`, or `[]` if there is no such lease |
 * | leases | `[5, after, limit]` | `[lease, ttlMs, remainingMs, keys, lease, …]`: by id, those above `after`, up to `limit` (1,000) |
 *
 * A range has the keys that begin with `prefix`, are not below `from`, and are below `to` unless that is null; "" is a
 * prefix of all and not above any. Keys are ordered by their UTF-16 code units. A page of it begins behind `cursor`, if
 * that is not null, and has at most `limit` keys (1 to 10,000) and about 4 MiB; `cursor` in the answer is null when there
 * is nothing behind the page, and otherwise what to ask the next page with. With `keysOnly` there are no values.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import {
  type LeaseAnswer,
  leaseAnswerFromCbor,
  leaseAnswerToCbor,
  type LeaseQuery,
  type LeasesQuery,
} from "./lease_queries.ts";
import { maxCounter, maxPageBytes, maxPageKeys, maxPageLeases } from "./limits.ts";
import { integerProblem, keyFrom, prefixFrom } from "./operations.ts";
import type { OrderedMapView } from "./ordered_map.ts";
import { arrayFrom, arrayOf, booleanFrom, counterFrom, integerFrom, ShapeError, shown, textFrom } from "./shape.ts";
import { valueFrom } from "./shape.ts";
import type { StoreEntry } from "./store.ts";
import { endOfPrefix, keyProblem, prefixProblem, utf8Bytes, type Value } from "./values.ts";

/** Which keys are meant. */
export interface KeySelection {
  /** They begin with this. */
  readonly prefix: string;
  /** They are not below this. */
  readonly from: string;
  /** They are below this; null for no such bound. */
  readonly to: string | null;
}

/** Asks for a page of a range. */
export interface RangeQuery extends KeySelection {
  /** Discriminates the union. */
  readonly kind: "range";
  /** Where the page before has ended; null for the first page. */
  readonly cursor: string | null;
  /** Keys wanted at the most, from 1 to `maxPageKeys`. */
  readonly limit: number;
  /** Whether keys descend. */
  readonly reverse: boolean;
  /** Whether values are left out. */
  readonly keysOnly: boolean;
}

/** Asks how many keys there are. */
export interface CountQuery extends KeySelection {
  /** Discriminates the union. */
  readonly kind: "count";
}

/** Asks how a lock is. */
export interface LockQuery {
  /** Discriminates the union. */
  readonly kind: "lock";
  /** Its name. */
  readonly name: string;
}

/** A question about more than one key's value. */
export type WideQuery = RangeQuery | CountQuery | LockQuery | LeaseQuery | LeasesQuery;

/** An entry of a page. */
export interface PageEntry {
  /** The key. */
  readonly key: string;
  /** Its version; >= 1. */
  readonly version: number;
  /** Its value; null if only keys were asked for. */
  readonly value: Value | null;
}

/** The answer to a {@link WideQuery}. */
export type WideAnswer =
  /** A page of a range. */
  | { readonly kind: "range"; readonly entries: readonly PageEntry[]; readonly cursor: string | null }
  /** How many keys there are. */
  | { readonly kind: "count"; readonly count: number }
  /** The holder's token, and for how long the lease runs on unless renewed; both 0 if nobody holds the lock. */
  | { readonly kind: "lock"; readonly token: number; readonly remainingMs: number }
  | LeaseAnswer;

/** Bytes that an entry counts for a page beside its key and value. */
const entryOverheadBytes = 16;

/** The page that a query asks for. */
export function pageOf(entries: OrderedMapView<StoreEntry>, query: RangeQuery): WideAnswer {
  const { limit, keysOnly, reverse, cursor } = query;
  let [from, until] = boundsOf(query);
  if (cursor !== null && reverse && (until === undefined || cursor < until)) until = cursor;
  // The least text above a key is the key and a NUL.
  if (cursor !== null && !reverse && cursor >= from) from = `${cursor}\0`;
  const page: PageEntry[] = [];
  let bytes = 0;
  for (const [key, entry] of reverse ? entries.rangeBack(from, until) : entries.range(from, until)) {
    bytes += utf8Bytes(key) + (keysOnly ? 0 : entry.bytes) + entryOverheadBytes;
    if (page.length === limit || bytes > maxPageBytes) {
      return { kind: "range", entries: page, cursor: page.at(-1)?.key ?? null };
    }
    page.push({ key, version: entry.version, value: keysOnly ? null : entry.value });
  }
  return { kind: "range", entries: page, cursor: null };
}

/** How many keys a selection has. */
export function countOf(entries: OrderedMapView<StoreEntry>, selection: KeySelection): WideAnswer {
  return { kind: "count", count: entries.count(...boundsOf(selection)) };
}

function boundsOf({ prefix, from, to }: KeySelection): [from: string, until: string | undefined] {
  const end = endOfPrefix(prefix);
  const until = to === null ? end : end === undefined || to < end ? to : end;
  return [from > prefix ? from : prefix, until];
}

const rangeCode = 1;
const countCode = 2;
const lockCode = 3;
const leaseCode = 4;
const leasesCode = 5;

/** The query as CBOR. */
export function queryToCbor(query: WideQuery): CborValue {
  switch (query.kind) {
    case "range": {
      const { prefix, from, to, cursor, limit, reverse, keysOnly } = query;
      return [rangeCode, prefix, from, to, cursor, limit, reverse, keysOnly];
    }
    case "count":
      return [countCode, query.prefix, query.from, query.to];
    case "lock":
      return [lockCode, query.name];
    case "lease":
      return [leaseCode, query.lease];
    case "leases":
      return [leasesCode, query.after, query.limit];
  }
}

/** The inverse of {@link queryToCbor}; throws {@link ShapeError} on anything else. */
export function queryFromCbor(cbor: CborValue | undefined): WideQuery {
  const items = arrayFrom(cbor, "a query");
  switch (items[0]) {
    case rangeCode: {
      const [, , , , cursor, limit, reverse, keysOnly] = arrayOf(items, 8, "a range");
      return {
        kind: "range",
        ...selectionFrom(items),
        cursor: cursor === null ? null : prefixFrom(cursor),
        limit: integerFrom(limit, 1, maxPageKeys, "limit"),
        reverse: booleanFrom(reverse, "reverse"),
        keysOnly: booleanFrom(keysOnly, "keysOnly"),
      };
    }
    case countCode:
      arrayOf(items, 4, "a count");
      return { kind: "count", ...selectionFrom(items) };
    case lockCode:
      return { kind: "lock", name: keyFrom(arrayOf(items, 2, "a lock")[1]) };
    case leaseCode:
      return { kind: "lease", lease: counterFrom(arrayOf(items, 2, "a lease")[1], 1, "the lease"), nowMs: 0 };
    case leasesCode: {
      const [, after, limit] = arrayOf(items, 3, "leases");
      return {
        ...{ kind: "leases", after: counterFrom(after, 0, "after"), nowMs: 0 },
        limit: integerFrom(limit, 1, maxPageLeases, "limit"),
      };
    }
    default:
      throw new ShapeError(`query ${shown(items[0])} is unknown`);
  }
}

function selectionFrom([, prefix, from, to]: readonly CborValue[]): KeySelection {
  return { prefix: prefixFrom(prefix), from: prefixFrom(from), to: to === null ? null : prefixFrom(to) };
}

/** The answer as CBOR. */
export function answerToCbor(answer: WideAnswer): CborValue {
  switch (answer.kind) {
    case "range": {
      const fields: CborValue[] = [];
      for (const { key, version, value } of answer.entries) {
        fields.push(key, version);
        if (value !== null) fields.push(value);
      }
      return [answer.cursor, fields];
    }
    case "count":
      return [answer.count];
    case "lock":
      return [answer.token, answer.remainingMs];
    case "lease":
    case "leases":
      return leaseAnswerToCbor(answer);
  }
}

/** The inverse of {@link answerToCbor}, for the answer to `query`; throws {@link ShapeError} on anything else. */
export function answerFromCbor(query: WideQuery, cbor: CborValue | undefined): WideAnswer {
  switch (query.kind) {
    case "range":
      return pageFrom(query, cbor);
    case "count":
      return { kind: "count", count: counterFrom(arrayOf(cbor, 1, "the count")[0], 0, "the count") };
    case "lock": {
      const [token, remainingMs] = arrayOf(cbor, 2, "the lock");
      return {
        kind: "lock",
        token: counterFrom(token, 0, "the token"),
        remainingMs: counterFrom(remainingMs, 0, "remainingMs"),
      };
    }
    case "lease":
    case "leases":
      return leaseAnswerFromCbor(query, cbor);
  }
}

function pageFrom({ keysOnly }: RangeQuery, cbor: CborValue | undefined): WideAnswer {
  const [cursor, list] = arrayOf(cbor, 2, "the page");
  const fields = arrayFrom(list, "the page's entries");
  const width = keysOnly ? 2 : 3;
  if (fields.length % width !== 0) throw new ShapeError(`the page's entries must have ${width} fields each`);
  const entries: PageEntry[] = [];
  for (let at = 0; at < fields.length; at += width) {
    entries.push({
      key: textFrom(fields[at], "a key"),
      version: counterFrom(fields[at + 1], 1, "a version"),
      value: keysOnly ? null : valueFrom(fields[at + 2], "a value"),
    });
  }
  return { kind: "range", entries, cursor: cursor === null ? null : textFrom(cursor, "the cursor") };
}

/** Why a query cannot be used, as the end of a sentence that begins "Cannot …: "; null when it can. */
export function queryProblem(query: WideQuery): string | null {
  if (query.kind === "lock") return keyProblem(query.name);
  if (query.kind === "lease") return integerProblem("lease", query.lease, 1, maxCounter);
  if (query.kind === "leases") return integerProblem("limit", query.limit, 1, maxPageLeases);
  const problem = prefixProblem(query.prefix) ?? prefixProblem(query.from) ?? prefixProblem(query.to ?? "");
  if (query.kind === "count" || problem !== null) return problem;
  return prefixProblem(query.cursor ?? "") ?? integerProblem("limit", query.limit, 1, maxPageKeys);
}
