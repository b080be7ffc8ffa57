/**
 * Three nodes, four entries, and every way in which some of the twelve copies are damaged: what has one intact copy comes
 * back, and where a committed entry has none left, nobody starts, and what is left is not touched.
 *
 * @module
 */
import type { LogIndex } from "../../../raft/core/types.ts";
import type { DirectoryImage } from "../../../raft/testing/mod.ts";
import { type EntryPlace, entryPlaces, withDamagedEntries } from "./entry_damage.ts";
import { dataDir, RejoinWorld } from "./world.ts";

/** Copies that can be damaged: one bit each. */
export const patternCount = 2 ** 12;

/** A cluster that has stopped, and what it had acknowledged. */
export interface StoppedCluster {
  readonly seed: number;
  readonly images: ReadonlyMap<string, DirectoryImage>;
  /** By node, its entries. */
  readonly places: ReadonlyMap<string, ReadonlyMap<LogIndex, EntryPlace>>;
  /** Every index that is committed. */
  readonly committed: readonly LogIndex[];
  /** Four of them, whose copies are damaged. */
  readonly indexes: readonly LogIndex[];
  /** What the key must hold. */
  readonly expected: string;
}

/** How the patterns ended. */
export interface PatternTally {
  patterns: number;
  /** Everything is back, each node under the identity that it had. */
  repaired: number;
  /** Everything is back, and a node that could not be repaired has begun anew. */
  replaced: number;
  /** Refused, for an entry that has no intact copy. */
  refused: number;
  readonly violations: string[];
}

/**
 * A cluster after a few appends. With `isVaried`, leaders are killed in between, so that terms differ, one node may miss the
 * end, and the four entries are anywhere; otherwise they are the last four.
 */
export async function stoppedCluster(seed: number, isVaried: boolean): Promise<StoppedCluster> {
  const world = new RejoinWorld(seed);
  const random = world.simulation.random.stream("patterns");
  let expected = "";
  await world.simulation.run(async () => {
    await world.startAll();
    await world.until("a leader", () => world.leader() !== null);
    await using clerk = world.clerk();
    const append = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++) {
        const word = `${expected.length} `;
        await clerk.append("log", word);
        expected += word;
      }
    };
    await append(4);
    for (let change = isVaried ? random.between(0, 3) : 0; change > 0; change--) {
      const leader = world.leader() ?? "";
      // What it is about to be asked stays its own, perhaps.
      void clerk.get("log");
      world.kill(leader, "process");
      await append(random.between(1, 3));
      await world.start(leader);
      await world.until("a leader", () => world.leader() !== null);
      await append(random.between(1, 3));
    }
    // All of it is everywhere, and the witnesses are flushed.
    await world.simulation.sleep(1_000);
    if (isVaried && random.chance(0.5)) {
      world.kill(world.names.find((id) => id !== world.leader()) ?? "");
      await append(random.between(1, 3));
      await world.simulation.sleep(1_000);
    }
    for (const id of world.names) world.kill(id);
  }, { timeoutMs: 3_600_000 });
  const images = new Map(world.names.map((id) => [id, world.simulation.process(id).disk.image(dataDir)]));
  const places = new Map([...images].map(([id, image]) => [id, entryPlaces(image)]));
  // What two of three have at the end is committed, for nothing was under way.
  const all = [...new Set([...places.values()].flatMap((own) => [...own.keys()]))].sort((one, other) => one - other);
  const committed = all.filter((index) => [...places.values()].filter((own) => own.has(index)).length >= 2);
  const indexes = [...committed];
  while (isVaried && indexes.length > 4) indexes.splice(random.integer(indexes.length), 1);
  return { seed, images, places, committed, indexes: indexes.slice(-4), expected };
}

/** Starts a stopped cluster with some copies damaged: bit `4 * node + entry` of the pattern says which. */
export async function judgePattern(cluster: StoppedCluster, pattern: number, tally: PatternTally): Promise<void> {
  const world = new RejoinWorld(cluster.seed);
  const intact = new Map(cluster.committed.map((index) => [index, 0]));
  for (const [node, id] of world.names.entries()) {
    const places = cluster.places.get(id) ?? new Map<LogIndex, EntryPlace>();
    const damaged: EntryPlace[] = [];
    for (const [slot, index] of cluster.indexes.entries()) {
      const place = places.get(index);
      if (place !== undefined && (pattern & (1 << (4 * node + slot))) !== 0) damaged.push(place);
    }
    // What came in one message stands in one record, and is lost together.
    const isDamaged = ({ file, record }: EntryPlace): boolean =>
      damaged.some((place) => place.file === file && place.record === record);
    for (const place of places.values()) {
      const { index } = place.id;
      if (!isDamaged(place) && intact.has(index)) intact.set(index, (intact.get(index) ?? 0) + 1);
    }
    const image = cluster.images.get(id) ?? new Map();
    world.simulation.process(id).disk.restore(dataDir, withDamagedEntries(image, damaged));
  }
  const isRecoverable = [...intact.values()].every((copies) => copies > 0);
  tally.patterns++;
  const violation = (what: string): void => {
    if (tally.violations.length < 5) {
      const reports = world.reports.slice(-6).join("\n  ");
      tally.violations.push(
        `seed ${cluster.seed}, pattern ${pattern.toString(2).padStart(12, "0")}: ${what}\n  ${reports}`,
      );
    }
  };
  try {
    await world.simulation.run(async () => {
      await world.startAll();
      if (isRecoverable) await judgeRecovered(world, cluster, tally, violation);
      else await judgeRefused(world, tally, violation);
    }, { timeoutMs: 3_600_000 });
  } catch (error) {
    violation(error instanceof Error ? error.message : String(error));
  }
}

async function judgeRecovered(
  world: RejoinWorld,
  { expected }: StoppedCluster,
  tally: PatternTally,
  violation: (what: string) => void,
): Promise<void> {
  for (const [id, { message }] of world.refusals) return violation(`${id} was refused: ${message}`);
  for (const id of world.names) await world.untilMember(id);
  for (const value of await world.values("log")) {
    if (value !== expected) return violation(`found "${value}", right would be "${expected}"`);
  }
  const isReplaced = world.names.some((id) => world.status(id)?.identity !== id);
  if (isReplaced) tally.replaced++;
  else tally.repaired++;
}

async function judgeRefused(
  world: RejoinWorld,
  tally: PatternTally,
  violation: (what: string) => void,
): Promise<void> {
  await world.simulation.sleep(5_000);
  const leader = world.leader();
  if (leader !== null) return violation(`${leader} leads without an entry that was committed`);
  const { size } = world.refusals;
  if (size < 2) return violation(`${size} nodes were refused`);
  for (const [id, { message }] of world.refusals) {
    const isTold = /wal-\d+\.log is damaged at offset \d+/.test(message) && /no intact copy was found/.test(message) &&
      message.includes(`balsa disk verify ${dataDir}`);
    if (!isTold) return violation(`${id} was refused with: ${message}`);
  }
  tally.refused++;
}

/** No patterns yet. */
export function emptyTally(): PatternTally {
  return { patterns: 0, repaired: 0, replaced: 0, refused: 0, violations: [] };
}

/** Judges the patterns `from`, `from + step` and so on of one cluster. */
export async function runPatterns(seed: number, isVaried: boolean, from: number, step: number): Promise<PatternTally> {
  const cluster = await stoppedCluster(seed, isVaried);
  const tally = emptyTally();
  for (let pattern = from; pattern < patternCount; pattern += step) await judgePattern(cluster, pattern, tally);
  return tally;
}

/** Adds up. */
export function addPatterns(tallies: readonly PatternTally[]): PatternTally {
  const sum = emptyTally();
  for (const tally of tallies) {
    for (const count of ["patterns", "repaired", "replaced", "refused"] as const) sum[count] += tally[count];
    sum.violations.push(...tally.violations);
  }
  return sum;
}
