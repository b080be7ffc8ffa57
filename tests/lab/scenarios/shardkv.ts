/**
 * Lab 5 of 2024: shards that move between groups while clients use them.
 *
 * @module
 */
import { type GroupId, shardOf } from "../../../kv/shards/shard_config.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import type { ShardLab } from "../harness/shard_cluster.ts";
import { demand } from "../harness/world.ts";
import { shardCount2024 } from "./shard_checks.ts";
import {
  checkAll,
  checkAndAppend,
  type Expected,
  putAll,
  randomText,
  readWithin,
  shardCase,
  type ShardCaseOptions,
} from "./shardkv_case.ts";

const groups: readonly GroupId[] = [100, 101, 102];

/** Calls that wait for a group that is down are given so long, in milliseconds. */
const waitMs = 2_000;

function case2024(
  name: string,
  options: Partial<ShardCaseOptions>,
  scenario: (lab: ShardLab) => Promise<void>,
): LabCase {
  return shardCase("shardkv", name, { groups, ...options }, scenario);
}

function demandHalf(done: ReadonlySet<string>): void {
  const half = shardCount2024 / 2;
  demand(done.size === half, () => `${done.size} gets were answered, not ${half}: ${[...done].join(", ")}`);
}

const staticShards = case2024("TestStaticShards5A", {}, async (lab) => {
  const controller = lab.controller();
  await controller.join(100, 101);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(shardCount2024), 20);
  await checkAll(client, expected);
  await controller.client.settled();
  await lab.shutdown(101);
  const { done, rest } = await readWithin(lab, expected, waitMs);
  demandHalf(done);
  await lab.start(101);
  await rest();
  await checkAll(client, expected);
});

/** Clients that were told of a configuration that the groups do not know are refused by who does not have the shard. */
const rejection = case2024("TestRejection5A", { falseControllers: 1 }, async (lab) => {
  const controller = lab.controller();
  await controller.join(100, 101);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(shardCount2024), 20);
  await controller.client.settled();
  await lab.controller(lab.falseControllers).join(100);
  const { done } = await readWithin(lab, expected, waitMs, () => lab.client(lab.falseControllers));
  demandHalf(done);
});

const joinLeave = case2024("TestJoinLeave5B", {}, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(10), 5);
  await checkAll(client, expected);
  await controller.join(101);
  await checkAndAppend(lab, client, expected, 5);
  await controller.leave(100);
  await checkAndAppend(lab, client, expected, 5);
  // Time for the shards to be moved.
  await world.sleep(1_000);
  lab.checkSizes();
  await lab.shutdown(100);
  await checkAll(client, expected);
});

const snapshot = case2024("TestSnapshot5B", { maxRaftState: 1_000 }, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(30), 20);
  await checkAll(client, expected);
  await controller.join(101);
  await controller.join(102);
  await controller.leave(100);
  await checkAndAppend(lab, client, expected, 20);
  await controller.leave(101);
  await controller.join(100);
  await checkAndAppend(lab, client, expected, 20);
  await world.sleep(1_000);
  await checkAll(client, expected);
  await world.sleep(1_000);
  lab.checkSizes();
  await lab.shutdown(...groups);
  await lab.start(...groups);
  await checkAll(client, expected);
});

const missChange = case2024("TestMissChange5B", { maxRaftState: 1_000 }, async (lab) => {
  const { world } = lab;
  const each = async (act: (group: GroupId) => Promise<void>): Promise<void> => {
    for (const group of groups) await act(group);
  };
  const back = async (group: GroupId, server: number): Promise<void> => {
    await lab.group(group).boot(server);
    lab.group(group).connect(server);
  };
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(10), 20);
  await checkAll(client, expected);
  await controller.join(101);
  await each((group) => lab.group(group).crash(0));
  await controller.join(102);
  await controller.leave(101);
  await controller.leave(100);
  await checkAndAppend(lab, client, expected, 20);
  await controller.join(101);
  await checkAndAppend(lab, client, expected, 20);
  await each((group) => back(group, 0));
  await checkAndAppend(lab, client, expected, 20);
  await world.sleep(2_000);
  await each((group) => lab.group(group).crash(1));
  await controller.join(100);
  await controller.leave(102);
  await checkAndAppend(lab, client, expected, 20);
  await each((group) => back(group, 1));
  await checkAndAppend(lab, client, expected, 20);
});

/** A client for each key appends to it while `changes` are made; then each key must hold what was appended, once. */
async function appendersDuring(
  lab: ShardLab,
  keys: readonly string[],
  length: number,
  changes: () => Promise<void>,
): Promise<void> {
  const main = lab.client();
  const expected = await putAll(lab, main, keys, length);
  let isOver = false;
  const appenders = keys.map(async (key) => {
    const client = lab.client();
    while (!isOver) {
      const suffix = randomText(lab, 5);
      await client.append(key, suffix);
      expected.set(key, `${expected.get(key)}${suffix}`);
      await lab.world.sleep(10);
    }
  });
  for (const appender of appenders) appender.catch((error) => lab.world.fail(error));
  await changes();
  isOver = true;
  await Promise.all(appenders);
  await checkAll(main, expected);
}

const concurrent1 = case2024("TestConcurrent1_5B", { maxRaftState: 100 }, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(100);
  await appendersDuring(lab, lab.keys(10), 5, async () => {
    await world.sleep(150);
    await controller.join(101);
    await world.sleep(500);
    await controller.join(102);
    await world.sleep(500);
    await controller.leave(100);
    for (const group of groups) {
      await lab.shutdown(group);
      await world.sleep(100);
    }
    await controller.leave(102);
    await world.sleep(100);
    await lab.start(...groups);
    await world.sleep(100);
    await controller.join(100);
    await controller.leave(101);
    await world.sleep(500);
    await controller.join(101);
    await world.sleep(1_000);
  });
});

const concurrent2 = case2024("TestConcurrent2_5B", {}, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(101);
  await controller.join(100);
  await controller.join(102);
  await appendersDuring(lab, lab.keys(10), 1, async () => {
    await controller.leave(100);
    await controller.leave(102);
    await world.sleep(3_000);
    await controller.join(100);
    await controller.join(102);
    await controller.leave(101);
    await world.sleep(3_000);
    await controller.join(101);
    await controller.leave(100);
    await controller.leave(102);
    await world.sleep(3_000);
    await lab.shutdown(101, 102);
    await world.sleep(1_000);
    await lab.start(101, 102);
    await world.sleep(2_000);
  });
});

const concurrent3 = case2024("TestConcurrent3_5B", { maxRaftState: 300 }, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(100);
  await appendersDuring(lab, lab.keys(10), 1, async () => {
    const endMs = world.clock.monotonicMs() + 12_000;
    while (world.clock.monotonicMs() < endMs) {
      await controller.join(102);
      await controller.join(101);
      await world.sleep(world.random.integer(900));
      await lab.shutdown(...groups);
      await lab.start(...groups);
      await world.sleep(world.random.integer(900));
      await controller.leave(101);
      await controller.leave(102);
      await world.sleep(world.random.integer(900));
    }
    await world.sleep(2_000);
  });
});

const unreliable = { maxRaftState: 100, isReliable: false };

const unreliable1 = case2024("TestUnreliable1_5B", unreliable, async (lab) => {
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const keys = lab.keys(10);
  const expected: Expected = await putAll(lab, client, keys, 5);
  const use = async (): Promise<void> => {
    for (let turn = 0; turn < 2 * keys.length; turn++) {
      const key = keys[turn % keys.length] ?? "";
      await client.check(key, expected.get(key) ?? "");
      const suffix = randomText(lab, 5);
      await client.append(key, suffix);
      expected.set(key, `${expected.get(key)}${suffix}`);
      await client.check(key, expected.get(key) ?? "");
    }
  };
  await controller.join(101);
  await controller.join(102);
  await controller.leave(100);
  await use();
  await controller.join(100);
  await controller.leave(101);
  await use();
});

async function unreliableChanges(lab: ShardLab): Promise<void> {
  const { world } = lab;
  const controller = lab.controller();
  await world.sleep(150);
  await controller.join(101);
  await world.sleep(500);
  await controller.join(102);
  await world.sleep(500);
  await controller.leave(100);
  await world.sleep(500);
  await controller.leave(101);
  await world.sleep(500);
  await controller.join(101);
  await controller.join(100);
  await world.sleep(2_000);
}

const unreliable2 = case2024("TestUnreliable2_5B", unreliable, async (lab) => {
  await lab.controller().join(100);
  await appendersDuring(lab, lab.keys(10), 1, async () => {
    await unreliableChanges(lab);
    lab.world.setReliable(true);
  });
});

const unreliable3 = case2024("TestUnreliable3_5B", unreliable, async (lab) => {
  const { world } = lab;
  await lab.controller().join(100);
  const keys = lab.keys(10);
  let isOver = false;
  const clients = keys.map(async () => {
    const client = lab.client();
    while (!isOver) {
      const key = world.random.pick(keys);
      const value = randomText(lab, 5);
      const draw = world.random.integer(1_000);
      if (draw < 500) await client.append(key, value);
      else if (draw < 600) await client.put(key, value);
      else await client.get(key);
      await world.sleep(10);
    }
  });
  for (const client of clients) client.catch((error) => world.fail(error));
  await unreliableChanges(lab);
  isOver = true;
  world.setReliable(true);
  await Promise.all(clients);
});

const challengeDelete = case2024("TestChallenge1Delete", { maxRaftState: 1 }, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const [count, length] = [30, 1_000];
  const expected = await putAll(lab, client, lab.keys(count), length);
  const some = new Map([...expected].slice(0, 3));
  for (let round = 0; round < 2; round++) {
    for (const step of [() => controller.join(101), () => controller.leave(100), () => controller.join(102)]) {
      await step();
      await checkAll(client, some);
      await world.sleep(500);
    }
    for (const step of [() => controller.leave(101), () => controller.join(100), () => controller.leave(102)]) {
      await step();
      await checkAll(client, some);
      await world.sleep(500);
    }
  }
  await controller.join(101);
  await controller.join(102);
  await world.sleep(1_000);
  await checkAll(client, some);
  await world.sleep(1_000);
  const total = lab.lives.reduce((sum, life) => sum + life.raftStateBytes + life.snapshotBytes, 0);
  const most = 3 * ((count - 3) * length + 2 * 3 * length + 6_000);
  demand(total <= most, `all servers together keep ${total} bytes, more than ${most}`);
  await checkAll(client, expected);
});

/** Keys whose shards a group has, by the newest configuration. */
async function keysOf(lab: ShardLab, expected: Expected, group: GroupId): Promise<Expected> {
  const { shards } = await lab.controller().query();
  return new Map([...expected].filter(([key]) => shards[shardOf(key, lab.shardCount)] === group));
}

/** Each of these keys must be read, written and read again within two seconds. */
async function checkUsable(lab: ShardLab, keys: Expected): Promise<void> {
  demand(keys.size > 0, "there should be keys to look at");
  const { done } = await readWithin(lab, keys, waitMs);
  demand(done.size === keys.size, () => `only ${done.size} of ${keys.size} keys can be read`);
  const client = lab.client();
  let written = 0;
  const writing = (async () => {
    for (const key of keys.keys()) {
      await client.put(key, `${key}-1`);
      await client.check(key, `${key}-1`);
      written++;
    }
  })();
  writing.catch((error) => lab.world.fail(error));
  await lab.world.sleep(waitMs);
  demand(written === keys.size, () => `only ${written} of ${keys.size} keys can be written`);
}

const challengeUnaffected = case2024("TestChallenge2Unaffected", { maxRaftState: 100 }, async (lab) => {
  const controller = lab.controller();
  await controller.join(100);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(10), 5);
  await controller.joinAndSettle(101);
  const unaffected = await keysOf(lab, expected, 101);
  await lab.shutdown(100);
  await controller.leave(100);
  await lab.world.sleep(500);
  await checkUsable(lab, unaffected);
});

const challengePartial = case2024("TestChallenge2Partial", { maxRaftState: 100 }, async (lab) => {
  const controller = lab.controller();
  await controller.join(100, 101, 102);
  const client = lab.client();
  const expected = await putAll(lab, client, lab.keys(10), 5);
  await controller.client.settled();
  const received = await keysOf(lab, expected, 102);
  await lab.shutdown(100);
  await controller.leave(100, 102);
  await lab.world.sleep(1_000);
  await checkUsable(lab, received);
});

/** The tests of the suite. */
export const shardkvCases: readonly LabCase[] = [
  staticShards,
  rejection,
  joinLeave,
  snapshot,
  missChange,
  concurrent1,
  concurrent2,
  concurrent3,
  unreliable1,
  unreliable2,
  unreliable3,
  challengeDelete,
  challengeUnaffected,
  challengePartial,
];
