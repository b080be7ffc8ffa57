/**
 * Loses power before every single file operation of a run of everything storage does, keeps nothing, everything, a prefix or
 * any subset of what was not synced, and opens what is left; and loses power once more while that is being put right.
 *
 * @module
 */
import { found, openTiny, runWorkload } from "./full_run.ts";
import { MemoryFileSystem, type Survives } from "./memory_file_system.ts";

type Files = Map<string, Uint8Array>;

/** What became of the crash states. */
export interface CrashTally {
  /** File operations before which power was lost. */
  readonly points: number;
  /** States that were opened. */
  readonly states: number;
  /** Those of them that power was lost in once more, while they were being put right. */
  readonly again: number;
  /** The states in which something acknowledged was missing, or that did not open; the first few. */
  readonly violations: readonly string[];
}

const mostViolations = 5;

/** Opens the directory, and throws unless the state is one of the right ones. */
export async function checkState(fileSystem: MemoryFileSystem, right: readonly string[], at: string): Promise<void> {
  try {
    await using storage = await openTiny(fileSystem);
    const state = await found(storage);
    if (!right.includes(state)) throw new Error(`found ${state}, right would be ${right.join(" or ")}`);
  } catch (error) {
    throw new Error(`${at}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ways of losing power: nothing, everything, a prefix, or any subset of what was not synced survives. */
export function waysToLosePower(
  seed: number,
  random: number,
): { readonly name: string; readonly survives: Survives }[] {
  const ways: { readonly name: string; readonly survives: Survives }[] = [
    { name: "nothing unsynced survives", survives: () => false },
    { name: "everything survives", survives: () => true },
    { name: "names survive", survives: (kind) => kind === "name" },
    { name: "bytes survive", survives: (kind) => kind !== "name" },
  ];
  for (let way = 0; way < random; way++) {
    const next = seeded(seed * 1000 + way);
    const share = next();
    ways.push({ name: `a subset survives, seed ${seed}/${way}`, survives: () => next() < share });
    let left = Math.floor(next() * 8);
    ways.push({ name: `a prefix survives, seed ${seed}/${way}`, survives: () => left-- > 0 });
  }
  return ways;
}

/**
 * Opens a share of the crash states: of those that a crash before operation `index`, `index + count` and so on leaves. Each
 * point is tried with four fixed and `2 * random` random ways of losing power.
 */
export async function runCrashStates(
  share: { readonly index: number; readonly count: number },
  random: number,
): Promise<CrashTally> {
  const fileSystem = new MemoryFileSystem();
  const crashes: { readonly files: Files; readonly right: readonly string[]; readonly at: string }[] = [];
  let points = 0;
  await runWorkload(fileSystem, (right, operation, file) => {
    if (points++ % share.count !== share.index) return;
    for (const { name, survives } of waysToLosePower(points, random)) {
      const at = `crash ${points}, before ${operation} of ${file}, ${name}`;
      crashes.push({ files: fileSystem.afterPowerLoss(survives), right, at });
    }
  });
  const violations: string[] = [];
  const check = async (files: MemoryFileSystem, right: readonly string[], at: string): Promise<void> => {
    try {
      await checkState(files, right, at);
    } catch (error) {
      if (violations.length < mostViolations) violations.push(error instanceof Error ? error.message : String(error));
    }
  };
  let again = 0;
  for (const [slot, { files, right, at }] of crashes.entries()) {
    const copy = MemoryFileSystem.of(files);
    const second: Files[] = [];
    // Power is lost once more at one point of every recovery, each time at another.
    let until = slot % 17;
    copy.before = () => {
      if (until-- !== 0) return;
      second.push(...waysToLosePower(slot, random).map(({ survives }) => copy.afterPowerLoss(survives)));
    };
    await check(copy, right, at);
    again += second.length;
    for (const files of second) await check(MemoryFileSystem.of(files), right, `${at}, and again in recovery`);
  }
  return { points, states: crashes.length + again, again, violations };
}
