/**
 * A test of the course, as the runner sees it.
 *
 * @module
 */
import type { LabWorld } from "./world.ts";

/** The suites, by the course's directory names. */
export type SuiteName =
  | "raft"
  | "kvsrv"
  | "kvsrv1"
  | "lock"
  | "rsm"
  | "kvraft"
  | "kvraft1"
  | "shardctrler"
  | "shardcfg"
  | "shardkv"
  | "shardkv1";

/** What a scenario has to report when it has passed. */
export interface LabReport {
  /** Agreements (raft), or calls of clients (the others); as the course counts them. */
  readonly operations: number;
}

/** One official test. */
export interface LabCase {
  /** Where it belongs. */
  readonly suite: SuiteName;
  /** Its official name. */
  readonly name: string;
  /** Servers. */
  readonly peers: number;
  /** Seeds that `deno task test` runs; fewer for what takes long. */
  readonly seedsInTest: number;
  /** Runs it once; throws when anything does not hold. */
  readonly run: (world: LabWorld) => Promise<LabReport>;
}

/** Any test of the course must be over within this time, in milliseconds. */
export const courseTimeLimitMs = 120_000;
