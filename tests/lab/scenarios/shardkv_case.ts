/**
 * Makes a scenario of the sharded store a test case.
 *
 * @module
 */
import { ClerkError } from "../../../kv/errors.ts";
import type { MsRange } from "../../../raft/testing/mod.ts";
import type { KvClient } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { groupSize, ShardLab } from "../harness/shard_cluster.ts";
import { demand } from "../harness/world.ts";
import type { GroupId } from "../../../kv/shards/shard_config.ts";
import { shardCount2024, shardCount2025 } from "./shard_checks.ts";

/** What differs between the tests. */
export interface ShardCaseOptions {
  /** Groups by number. */
  readonly groups: readonly GroupId[];
  /** Servers of a second controller, which the groups know nothing of. */
  readonly falseControllers?: number;
  /** False for the course's unreliable network; true unless given. */
  readonly isReliable?: boolean;
  /** Bytes beyond which a snapshot is taken; -1, for never, unless given. */
  readonly maxRaftState?: number;
  /** Seeds in `deno task test`; 1 unless given. */
  readonly seeds?: number;
  /** One-way latency in virtual time; that of a quick local network unless given. */
  readonly latency?: MsRange;
}

/** A test of one of the two suites; the history of its calls is checked at the end. */
export function shardCase(
  suite: "shardkv" | "shardkv1",
  name: string,
  options: ShardCaseOptions,
  scenario: (lab: ShardLab) => Promise<void>,
): LabCase {
  const { groups, isReliable = true, maxRaftState = -1, seeds = 1, latency, falseControllers = 0 } = options;
  // The controller of 2024 is a cluster of three, that of 2025 a single server.
  const [controllers, shardCount] = suite === "shardkv" ? [3, shardCount2024] : [1, shardCount2025];
  return {
    ...{ suite, name, peers: groups.length * groupSize + controllers, seedsInTest: seeds },
    run: async (world) => {
      const profile = latency === undefined ? {} : { latency };
      const lab = await ShardLab.make(world, {
        groups,
        controllers,
        falseControllers,
        shardCount,
        maxRaftState,
        isReliable,
        ...profile,
      });
      await scenario(lab);
      await lab.finish();
      return { operations: lab.operations };
    },
  };
}

/** Texts that keys are expected to have. */
export type Expected = Map<string, string>;

/** Puts a text of so many characters to each key. */
export async function putAll(
  lab: ShardLab,
  client: KvClient,
  keys: readonly string[],
  length: number,
): Promise<Expected> {
  const expected: Expected = new Map();
  for (const key of keys) {
    const value = randomText(lab, length);
    await client.put(key, value);
    expected.set(key, value);
  }
  return expected;
}

/** Checks each key. */
export async function checkAll(client: KvClient, expected: Expected): Promise<void> {
  for (const [key, value] of expected) await client.check(key, value);
}

/** Checks each key, and appends a text of so many characters. */
export async function checkAndAppend(
  lab: ShardLab,
  client: KvClient,
  expected: Expected,
  length: number,
): Promise<void> {
  for (const [key, value] of expected) {
    await client.check(key, value);
    const suffix = randomText(lab, length);
    expected.set(key, value + suffix);
    await client.append(key, suffix);
  }
}

/** A text that nobody can guess. */
export function randomText({ world }: ShardLab, length: number): string {
  let text = "";
  while (text.length < length) text += world.random.integer(36 ** 5).toString(36);
  return text.slice(0, length);
}

/** Has a client of its own read each key, and says which have been read within `waitMs`; the other calls go on. */
export async function readWithin(
  lab: ShardLab,
  expected: Expected,
  waitMs: number,
  client: () => KvClient = () => lab.client(),
): Promise<{ readonly done: Set<string>; readonly rest: () => Promise<unknown> }> {
  const done = new Set<string>();
  const calls = [...expected].map(async ([key, value]) => {
    const got = await client().get(key);
    done.add(key);
    demand(got === value, `get of ${key}: ${JSON.stringify(got)}, expected ${JSON.stringify(value)}`);
  });
  for (const call of calls) {
    // What is not answered before the clients end is not answered at all.
    call.catch((error) => error instanceof ClerkError && error.code === "closed" ? null : lab.world.fail(error));
  }
  await lab.world.sleep(waitMs);
  return { done: new Set(done), rest: () => Promise.all(calls) };
}
