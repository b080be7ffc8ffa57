/**
 * Lab 5A of 2025: shards under joins and leaves, groups that are down, and clients that race meanwhile.
 *
 * In the course the controller moves the shards itself, and its calls return when they are moved. Here groups move them of
 * their own accord; a call that must have moved everything waits for that.
 *
 * @module
 */
import type { GroupId } from "../../../kv/shards/shard_config.ts";
import type { KvClient } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import type { LabController, ShardLab } from "../harness/shard_cluster.ts";
import { demand } from "../harness/world.ts";
import { checkEven } from "./shard_checks.ts";
import { type Expected, readWithin, shardCase, type ShardCaseOptions } from "./shardkv_case.ts";

/** Keys of the suite. */
const keyCount = 60;

/** Time for the servers between two changes, in milliseconds. */
const betweenChangesMs = 200;

/** Calls to a group that is down are given so long, in milliseconds. */
const waitMs = 2_000;

/** With these, clients that call as fast as they can make about as many calls as those of the course did. */
const racingLatency = { minMs: 3, maxMs: 10 };

/** A test of the suite. */
export function case2025(
  name: string,
  options: ShardCaseOptions,
  scenario: (lab: ShardLab) => Promise<void>,
): LabCase {
  return shardCase("shardkv1", name, options, scenario);
}

/** Numbers of so many groups. */
export function numbered(count: number): GroupId[] {
  return Array.from({ length: count }, (_, at) => 1 + at);
}

/** Writes all keys, each for the first time, with values of so many characters at least. */
export async function writeAll(client: KvClient, length = 0): Promise<Expected> {
  const expected: Expected = new Map();
  for (let number = 0; number < keyCount; number++) {
    const value = String(number).padEnd(length, "x");
    const { kind } = await client.putIfVersion(String(number), value, 0);
    demand(kind === "ok", `the first put of ${number} was answered ${kind}`);
    expected.set(String(number), value);
  }
  return expected;
}

/** Reads all keys, one after the other. */
export async function checkKeys(client: KvClient, expected: Expected, version = 1): Promise<void> {
  for (const [key, value] of expected) {
    const got = await client.getWithVersion(key);
    const isRight = got.value === value && got.version === version;
    demand(
      isRight,
      () => `get of ${key}: ${JSON.stringify(got)}, expected ${value.slice(0, 20)} of version ${version}`,
    );
  }
}

const initQuery = case2025("TestInitQuery5A", { groups: [] }, async (lab) => {
  const controller = lab.controller();
  const first = await controller.query();
  demand(first.number === 0, `the first configuration has number ${first.number}`);
  const again = await lab.controller().query();
  demand(
    JSON.stringify(first) === JSON.stringify(again),
    "the first configuration is another one when it is asked for again",
  );
});

const staticGroup = case2025("TestStaticOneShardGroup5A", { groups: [1] }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  await checkKeys(client, expected);
  const group = lab.group(1);
  await lab.world.sleep(betweenChangesMs);
  const leader = group.leader;
  demand(leader !== undefined, "the group has no leader");
  await group.crash(leader);
  await checkKeys(client, expected);
});

/** Reads with group `down` crashed must leave some keys unread, and some not. */
async function checkSomeHang(lab: ShardLab, expected: Expected, down: GroupId): Promise<void> {
  await lab.shutdown(down);
  const { done, rest } = await readWithin(lab, expected, waitMs);
  demand(done.size < keyCount, `all keys could be read although group ${down} was down`);
  demand(done.size > 0, `no key could be read while only group ${down} was down`);
  await lab.start(down);
  await rest();
}

const joinBasic = case2025("TestJoinBasic5A", { groups: [1, 2] }, async (lab) => {
  const controller = lab.controller();
  const before = await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  const after = await controller.joinAndSettle(2);
  demand(after.number === before.number + 1, `the join has made ${after.number - before.number} configurations`);
  checkEven(after);
  await checkKeys(client, expected);
  await checkSomeHang(lab, expected, 1);
  await checkSomeHang(lab, expected, 2);
  await checkKeys(client, expected);
});

const deleteCap = 10_000;

const deleteBasic = case2025("TestDeleteBasic5A", { groups: [1, 2], maxRaftState: deleteCap }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client, 1_000);
  const largest = (group: GroupId): number => Math.max(...lab.group(group).lives.map((life) => life.snapshotBytes));
  /** Writes so much to each group that it takes a snapshot. */
  const fill = async (): Promise<void> => {
    const { shards } = await controller.query();
    for (const group of new Set(shards)) {
      const filler = lab.keys(lab.shardCount)[shards.indexOf(group)] ?? "";
      for (let turn = 0; turn < 20; turn++) await client.put(`${filler}`, "x".repeat(1_000));
    }
    await lab.world.sleep(500);
  };
  const fillers = new Set(lab.keys(lab.shardCount));
  const before = await fill().then(() => largest(1));
  await controller.joinAndSettle(2);
  await fill();
  for (const filler of fillers) expected.delete(filler);
  await checkKeys(client, expected);
  const both = largest(1) + largest(2);
  demand(both <= before + deleteCap, `both groups keep ${both} bytes; it was ${before} before the move`);
});

const joinLeaveBasic = case2025("TestJoinLeaveBasic5A", { groups: [1, 2] }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  await controller.joinAndSettle(2);
  await checkKeys(client, expected);
  await controller.leaveAndSettle(1);
  await checkKeys(client, expected);
  await lab.shutdown(1);
  await checkKeys(client, expected);
  await lab.start(1);
  await controller.joinAndSettle(1);
  await checkKeys(client, expected);
  await controller.leaveAndSettle(2);
  await checkKeys(client, expected);
});

/** Groups 2 and up join one after the other, and leave again. */
async function joinAndLeaveAll(lab: ShardLab, controller: LabController, expected: Expected): Promise<void> {
  const client = lab.client();
  const others = [...lab.groups.keys()].slice(1);
  for (const group of others) {
    checkEven(await controller.joinAndSettle(group));
    await lab.world.sleep(betweenChangesMs);
  }
  await checkKeys(client, expected);
  for (const group of others) {
    checkEven(await controller.leaveAndSettle(group));
    await lab.world.sleep(betweenChangesMs);
  }
  await checkKeys(client, expected);
}

function manyJoinLeave(name: string, isReliable: boolean): LabCase {
  return case2025(name, { groups: numbered(8), isReliable }, async (lab) => {
    const controller = lab.controller();
    await controller.joinAndSettle(1);
    await joinAndLeaveAll(lab, controller, await writeAll(lab.client()));
  });
}

const shutdown = case2025("TestShutdown5A", { groups: numbered(4) }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  const all = [...lab.groups.keys()];
  for (const group of all.slice(1)) await controller.joinAndSettle(group);
  await lab.shutdown(...all);
  await lab.start(...all);
  await checkKeys(client, expected);
});

const progressShutdown = case2025("TestProgressShutdown5A", { groups: numbered(4) }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  for (const group of [2, 3, 4]) await controller.joinAndSettle(group);
  const down = [2, 3];
  await lab.shutdown(...down);
  const live = await keysOfGroups(lab, expected, (group) => !down.includes(group));
  const { done } = await readWithin(lab, live, waitMs);
  demand(done.size === live.size, () => `${done.size} of ${live.size} keys on groups that are up could be read`);
});

async function keysOfGroups(
  lab: ShardLab,
  expected: Expected,
  isMeant: (group: GroupId) => boolean,
): Promise<Expected> {
  const { shards } = await lab.controller().query();
  return new Map([...expected].filter(([key]) => isMeant(shards[lab.shardOf(key)] ?? 0)));
}

const progressJoin = case2025("TestProgressJoin5A", { groups: numbered(4), latency: racingLatency }, async (lab) => {
  const { world } = lab;
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  await controller.joinAndSettle(2);
  // What is group 2's now, and stays so while the others come and go.
  const before = await controller.query();
  const unmoved = new Map<number, boolean>();
  let isOver = false;
  let gets = 0;
  const changing = (async () => {
    while (!isOver) {
      const { shards } = await controller.join(3, 4);
      for (const [shard, group] of shards.entries()) {
        unmoved.set(shard, (unmoved.get(shard) ?? true) && group === before.shards[shard]);
      }
      await world.sleep(betweenChangesMs);
      await controller.leave(3, 4);
      await world.sleep(betweenChangesMs);
    }
  })();
  changing.catch((error) => world.fail(error));
  const reading = (async () => {
    while (!isOver) {
      for (const [key, value] of expected) {
        if (isOver) break;
        if (unmoved.get(lab.shardOf(key)) !== true) {
          await world.sleep(1);
          continue;
        }
        const { value: got } = await client.getWithVersion(key);
        demand(got === value, `get of ${key}: ${got}`);
        gets++;
      }
    }
  })();
  reading.catch((error) => world.fail(error));
  await world.sleep(4_000);
  isOver = true;
  await Promise.all([changing, reading]);
  demand([...unmoved.values()].some((isUnmoved) => isUnmoved), "every shard has moved");
  demand(gets >= 100, `only ${gets} gets of shards that did not move were answered in 4 s`);
});

/** So many clients race to put the next version of a few keys while eight groups join and leave, for twenty seconds. */
function concurrentClerks(name: string, clients: number, isReliable: boolean): LabCase {
  const latency = clients === 1 ? racingLatency : { minMs: 8, maxMs: 20 };
  return case2025(name, { groups: numbered(8), isReliable, latency }, async (lab) => {
    const { world } = lab;
    const controller = lab.controller();
    await controller.joinAndSettle(1);
    await writeAll(lab.client());
    let isOver = false;
    const racing = Array.from({ length: clients }, () => race(lab, () => isOver));
    for (const one of racing) one.catch((error) => world.fail(error));
    const endMs = world.clock.monotonicMs() + 20_000;
    const others = numbered(8).slice(1);
    while (world.clock.monotonicMs() < endMs) {
      for (const group of others) {
        await controller.join(group);
        await world.sleep(betweenChangesMs);
      }
      for (const group of others) {
        await controller.leave(group);
        await world.sleep(betweenChangesMs);
      }
    }
    isOver = true;
    await Promise.all(racing);
    await controller.client.settled();
  });
}

/** A client that puts the next version of one key after the other, and reads what became of it. */
export async function race(lab: ShardLab, isOver: () => boolean): Promise<void> {
  const client = lab.client();
  for (let turn = 0; !isOver(); turn++) {
    const key = String(lab.world.random.integer(10));
    const { version } = await client.getWithVersion(key);
    await client.putIfVersion(key, JSON.stringify({ client: client.name, turn }), version);
  }
}

/** The tests of 5A. */
export const shardkv1CasesA: readonly LabCase[] = [
  initQuery,
  staticGroup,
  joinBasic,
  deleteBasic,
  joinLeaveBasic,
  manyJoinLeave("TestManyJoinLeaveReliable5A", true),
  manyJoinLeave("TestManyJoinLeaveUnreliable5A", false),
  shutdown,
  progressShutdown,
  progressJoin,
  concurrentClerks("TestOneConcurrentClerkReliable5A", 1, true),
  concurrentClerks("TestManyConcurrentClerkReliable5A", 10, true),
  concurrentClerks("TestOneConcurrentClerkUnreliable5A", 1, false),
  concurrentClerks("TestManyConcurrentClerkUnreliable5A", 10, false),
];
