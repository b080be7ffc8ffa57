/**
 * A digest of what a state machine has answered, whatever that is: equal values have equal digests on every node, and
 * values that differ have different ones but for a chance of about 2^-32.
 *
 * Seen are numbers, strings, booleans, bigints, null and undefined, bytes, dates, arrays, maps, sets and the enumerable
 * properties of any other object; the order of properties, and of the items of maps and sets, does not count. Functions,
 * symbols and private fields are not seen. A large answer is looked at in part: {@link maxItems} items, {@link maxDepth}
 * levels, and of a long text or long bytes the length, the beginning and the end; so that nobody pays for a digest as much
 * as for the answer.
 *
 * @module
 */
import { finishMix, mixWord } from "../encoding/mix.ts";

const maxItems = 256;
const maxDepth = 8;
/** Of a text or bytes longer than twice this, so many units from each end are looked at. */
const edgeUnits = 256;

/** What the digest of each type begins with. */
const seeds = {
  undefined: 0x1f,
  null: 0x2f,
  true: 0x3f,
  false: 0x4f,
  number: 0x5f,
  string: 0x6f,
  bytes: 0x7f,
  array: 0x8f,
  object: 0x9f,
  bigint: 0xaf,
  unseen: 0xbf,
} as const;

const float = new DataView(new ArrayBuffer(8));

/** The digest of `value`: a 32-bit integer, signed. */
export function digestOf(value: unknown, depth: number = maxDepth): number {
  switch (typeof value) {
    case "number":
      return digestOfNumber(value);
    case "string":
      return digestOfText(value);
    case "boolean":
      return value ? seeds.true : seeds.false;
    case "undefined":
      return seeds.undefined;
    case "bigint":
      return mixWord(seeds.bigint, digestOfText(String(value)));
    case "object":
      if (value === null) return seeds.null;
      return depth === 0 ? seeds.unseen : digestOfObject(value, depth - 1);
    default:
      return seeds.unseen;
  }
}

function digestOfNumber(value: number): number {
  // Most are small integers. -0 and 0 are told apart by what follows only, and every NaN is the same.
  if ((value | 0) === value && !Object.is(value, -0)) return mixWord(seeds.number, value);
  float.setFloat64(0, Number.isNaN(value) ? NaN : value);
  return mixWord(mixWord(seeds.number, float.getInt32(0)), float.getInt32(4));
}

function digestOfText(text: string): number {
  return digestOfUnits(mixWord(seeds.string, text.length), text.length, (at) => text.charCodeAt(at));
}

function digestOfBytes(bytes: Uint8Array): number {
  return digestOfUnits(mixWord(seeds.bytes, bytes.length), bytes.length, (at) => bytes[at] ?? 0);
}

function digestOfUnits(seed: number, length: number, unitAt: (at: number) => number): number {
  const isLong = length > 2 * edgeUnits;
  let state = seed;
  for (let at = 0; at < (isLong ? edgeUnits : length); at++) state = Math.imul(state ^ unitAt(at), 0x01000193);
  for (let at = isLong ? length - edgeUnits : length; at < length; at++) {
    state = Math.imul(state ^ unitAt(at), 0x01000193);
  }
  return finishMix(state);
}

function digestOfObject(value: object, depth: number): number {
  if (Array.isArray(value)) return digestOfArray(value, depth);
  if (value instanceof Uint8Array) return digestOfBytes(value);
  if (value instanceof Date) return mixWord(seeds.object, digestOfNumber(value.getTime()));
  if (value instanceof Map || value instanceof Set) return digestOfItems(value, depth);
  return digestOfProperties(value, depth);
}

function digestOfArray(items: readonly unknown[], depth: number): number {
  let state = mixWord(seeds.array, items.length);
  const end = Math.min(items.length, maxItems);
  for (let at = 0; at < end; at++) state = mixWord(state, digestOf(items[at], depth));
  return state;
}

/** Sums do not depend on the order, and a sum of finished states tells two swapped values from the same unswapped. */
function digestOfItems(items: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>, depth: number): number {
  let sum = mixWord(seeds.object, items.size);
  // Which items a large one begins with depends on their order: nothing but its size is seen.
  if (items.size > maxItems) return sum;
  for (const item of items) sum = (sum + finishMix(digestOf(item, depth))) | 0;
  return sum;
}

function digestOfProperties(value: object, depth: number): number {
  const properties: readonly (readonly [string, unknown])[] = Object.entries(value);
  if (properties.length > maxItems) return mixWord(seeds.object, properties.length);
  let sum: number = seeds.object;
  for (const [name, item] of properties) {
    sum = (sum + finishMix(mixWord(digestOfText(name), digestOf(item, depth)))) | 0;
  }
  return sum;
}
