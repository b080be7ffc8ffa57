/**
 * Which reduce task a key belongs to.
 *
 * @module
 */
import { JobError } from "./errors.ts";
import type { PartitionFunction } from "./job.ts";

/** FNV-1a over the key's UTF-16 code units, low byte first: cheap, and spreads similar keys. */
export function hashPartition(key: string, reduces: number): number {
  let hash = 0x811c9dc5;
  for (let position = 0; position < key.length; position++) {
    const unit = key.charCodeAt(position);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return (hash >>> 0) % reduces;
}

/** A job's own function, its results checked; {@link hashPartition} if it has none. */
export function checkedPartition(partition: PartitionFunction | null): PartitionFunction {
  if (partition === null) return hashPartition;
  return (key, reduces) => {
    const index = partition(key, reduces);
    if (Number.isInteger(index) && index >= 0 && index < reduces) return index;
    throw new JobError(
      `Cannot place the key ${JSON.stringify(key.slice(0, 40))}: the job's partition function returned ` +
        `${String(index)}; it must return an integer from 0 to ${reduces - 1}`,
    );
  };
}
