/**
 * How keys are watched, as CBOR: a client asks again and again what has happened, each time from where the last answer has
 * ended. So it takes no more than it can digest, and goes on at any other server as if nothing had been.
 *
 * ```text
 * request = [7, isPrefix, key, index, offset, waitMs, maxBytes]
 * reply   = [0, index, offset, isAll, [index, key, version, value, index, key, …]]      what has happened
 *         | [19, message]             tooManyWatches: this server lets no more of them wait
 *         | [20, firstIndex]          compacted: this server knows only of what happened from this index on
 * ```
 *
 * The request watches `key`, or with `isPrefix` all keys that begin with it. `index` and `offset` are where to begin: those
 * of the reply before, or an index of the log and 0, or 0 and 0 for all that happens from now on. A server that has nothing
 * to tell waits up to `waitMs` (at most 30,000) before it says so; a reply has about `maxBytes` (at most 4 MiB), or a
 * single change that is larger.
 *
 * A change is the index of its log entry, the key, and the version and value that it has from then on; version 0 and value
 * "" if it was deleted. Changes come in the order of the log; a transaction changes a key at the most once. All changes of
 * the entries below the reply's `index` are in this reply or were in those before. If `offset` is not 0 changes of the
 * entry `index` itself have begun, and the rest of them comes with the next reply. `isAll` tells that at the moment there
 * are no others.
 *
 * @module
 */
import { type CborValue } from "../raft/encoding/cbor.ts";
import { maxPageBytes, maxWatchWaitMs } from "./limits.ts";
import { keyFrom, prefixFrom } from "./operations.ts";
import { arrayFrom, arrayOf, booleanFrom, counterFrom, integerFrom, ShapeError, textFrom, valueFrom } from "./shape.ts";
import type { KeyChange, WatchPosition, WatchReading, WatchSelection } from "./watch_history.ts";

/** Asks what has happened to keys. */
export interface WatchRequest {
  /** Discriminates requests. */
  readonly kind: "watch";
  /** Which keys. */
  readonly selection: WatchSelection;
  /** From where on; null for what happens from now on. */
  readonly from: WatchPosition | null;
  /** How long the server may wait for something to happen, in milliseconds; 0 to `maxWatchWaitMs`. */
  readonly waitMs: number;
  /** Bytes of changes wanted at the most; 1 to `maxPageBytes`. */
  readonly maxBytes: number;
}

/** Changes, and where to go on. */
export type WatchBatch = Extract<WatchReading, { readonly kind: "changes" }>;

/** The number that stands for a watch among requests. */
export const watchCode = 7;

/** The request as CBOR. */
export function watchToCbor({ selection, from, waitMs, maxBytes }: WatchRequest): CborValue {
  const { isPrefix, key } = selection;
  return [watchCode, isPrefix, key, from?.index ?? 0, from?.offset ?? 0, waitMs, maxBytes];
}

/** The inverse of {@link watchToCbor}; throws {@link ShapeError} on anything else. */
export function watchFromCbor(items: readonly CborValue[]): WatchRequest {
  const [, isPrefixField, keyField, indexField, offsetField, waitMs, maxBytes] = arrayOf(items, 7, "a watch");
  const isPrefix = booleanFrom(isPrefixField, "isPrefix");
  const index = counterFrom(indexField, 0, "the index");
  const offset = counterFrom(offsetField, 0, "the offset");
  if (index === 0 && offset > 0) throw new ShapeError("what is still to come has no offset");
  return {
    kind: "watch",
    selection: { isPrefix, key: isPrefix ? prefixFrom(keyField) : keyFrom(keyField) },
    from: index === 0 ? null : { index, offset },
    waitMs: integerFrom(waitMs, 0, maxWatchWaitMs, "waitMs"),
    maxBytes: integerFrom(maxBytes, 1, maxPageBytes, "maxBytes"),
  };
}

/** The fields of the reply that tells changes. */
export function batchToFields({ changes, next, isAll }: WatchBatch): CborValue[] {
  const fields: CborValue[] = [];
  for (const { index, key, version, value } of changes) fields.push(index, key, version, value);
  return [next.index, next.offset, isAll, fields];
}

/** The inverse of {@link batchToFields}; throws {@link ShapeError} on anything else, also when changes do not ascend. */
export function batchFromFields(fields: readonly CborValue[]): WatchBatch {
  const [nextIndex, nextOffset, isAll, list] = arrayOf(fields, 4, "the reply's fields");
  const next = { index: counterFrom(nextIndex, 1, "the index"), offset: counterFrom(nextOffset, 0, "the offset") };
  const items = arrayFrom(list, "changes");
  if (items.length % 4 !== 0) throw new ShapeError("changes must come in fours");
  const changes: KeyChange[] = [];
  let least = 1;
  for (let at = 0; at < items.length; at += 4) {
    const index = counterFrom(items[at], least, "a change's index");
    if (index > next.index || (index === next.index && next.offset === 0)) {
      throw new ShapeError(`the change of index ${index} is not before ${next.index}`);
    }
    changes.push({
      index,
      key: textFrom(items[at + 1], "a key"),
      version: counterFrom(items[at + 2], 0, "a version"),
      value: valueFrom(items[at + 3], "a value"),
    });
    least = index;
  }
  return { kind: "changes", changes, next, isAll: booleanFrom(isAll, "isAll") };
}
