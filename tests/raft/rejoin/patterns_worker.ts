/**
 * A thread of `repair_patterns.ts`: judges a share of the patterns, and answers with the counts.
 *
 * @module
 */
import { addPatterns, type PatternTally, runPatterns } from "./patterns.ts";

/** Which share. */
export interface PatternShare {
  readonly index: number;
  readonly count: number;
  /** Clusters of varied terms. */
  readonly seeds: number;
  /** Patterns tried on each of those. */
  readonly perSeed: number;
}

/** What one share found: on the plain cluster, and on the varied ones. */
export type PatternAnswer = readonly [PatternTally, PatternTally];

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<PatternShare>) => void) | null;
  postMessage(answer: PatternAnswer): void;
}

async function judge({ index, count, seeds, perSeed }: PatternShare): Promise<PatternAnswer> {
  const plain = await runPatterns(1, false, index, count);
  const varied: PatternTally[] = [];
  // An odd step, so that each seed's patterns touch all nodes and entries, and a start that no two seeds share.
  const step = Math.floor(4096 / perSeed) | 1;
  for (let seed = 2 + index; seed < 2 + seeds; seed += count) {
    varied.push(await runPatterns(seed, true, (seed * 7) % step, step));
  }
  return [plain, addPatterns(varied)];
}

function serve(scope: WorkerScope): void {
  scope.onmessage = async ({ data }) => scope.postMessage(await judge(data));
}

declare const self: WorkerScope;
serve(self);
