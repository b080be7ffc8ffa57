/**
 * Labs 5B and 5C of 2025: controllers that wait, that are cut off in the middle of a change, and that race.
 *
 * @module
 */
import { ClerkError } from "../../../kv/errors.ts";
import type { GroupId } from "../../../kv/shards/shard_config.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import type { LabController, ShardLab } from "../harness/shard_cluster.ts";
import { demand } from "../harness/world.ts";
import { checkEven } from "./shard_checks.ts";
import { case2025, checkKeys, numbered, race, writeAll } from "./shardkv1.ts";

/** A change that waits for a group that is down must be done so soon after its return, in milliseconds. */
const returnMs = 2_000;

/** A change under way, and whether it is over. */
function watch(lab: ShardLab, change: Promise<unknown>): { isOver: boolean } {
  const state = { isOver: false };
  change.then(() => state.isOver = true, (error) => lab.world.fail(error));
  return state;
}

/** `change` must wait while group `down` is down, and end soon when it is back. */
async function checkWaits(lab: ShardLab, down: GroupId, change: () => Promise<unknown>): Promise<void> {
  await lab.shutdown(down);
  const state = watch(lab, change());
  await lab.world.sleep(1_000);
  demand(!state.isOver, `the change was over while group ${down} was down`);
  await lab.start(down);
  await lab.controllers.until("the change to be over", () => state.isOver, returnMs);
}

const joinLeave = case2025("TestJoinLeave5B", { groups: [1, 2] }, async (lab) => {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  await checkWaits(lab, 1, () => controller.joinAndSettle(2));
  await checkKeys(client, expected);
  await checkWaits(lab, 1, () => controller.leaveAndSettle(1));
  await checkKeys(client, expected);
});

/** Begins a change, cuts its controller off somewhere within it, and lets another one see it through. */
async function interrupted(lab: ShardLab, change: (controller: LabController) => Promise<unknown>): Promise<void> {
  const { world } = lab;
  const unlucky = lab.controller();
  // It need not come to its end.
  change(unlucky).catch((error) => error instanceof ClerkError ? null : world.fail(error));
  await world.sleep(world.random.integer(200));
  unlucky.setConnected(false);
  await world.sleep(world.random.integer(100));
  checkEven(await lab.controller().client.settled());
}

/** So many changes, each interrupted; all keys must be there after each. */
async function interruptedChanges(lab: ShardLab, rounds: number): Promise<void> {
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  // Keys that nobody races for.
  for (const key of numbered(10)) expected.delete(String(key - 1));
  for (let round = 0; round < rounds; round++) {
    const { groups } = await controller.query();
    const isThere = Object.hasOwn(groups, 2);
    await interrupted(lab, (unlucky) => isThere ? unlucky.leaveAndSettle(2) : unlucky.joinAndSettle(2));
    await checkKeys(client, expected);
  }
}

const recover = case2025("TestRecoverCtrler5B", { groups: [1, 2] }, (lab) => interruptedChanges(lab, 5));

/** Four controllers join and leave whatever they like for two seconds, as often as they can. */
async function racingControllers(lab: ShardLab): Promise<void> {
  const { world } = lab;
  const main = lab.controller();
  await main.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  let isOver = false;
  const controllers = Array.from({ length: 4 }, async () => {
    const { client: own } = lab.controller();
    while (!isOver) {
      const group = 2 + world.random.integer(lab.groups.size - 1);
      const isThere = Object.hasOwn((await own.query())?.groups ?? {}, group);
      // Another one may have been faster: that is an answer, not a failure.
      if (isThere) await own.leave([group]);
      else await own.join({ [group]: lab.serversOf(group) });
      await own.settled(0, { timeoutMs: 60_000 });
      await world.sleep(world.random.integer(100));
    }
  });
  for (const one of controllers) one.catch((error) => world.fail(error));
  await world.sleep(2_000);
  isOver = true;
  await Promise.all(controllers);
  checkEven(await main.client.settled());
  await checkKeys(client, expected);
}

/** An old controller that is cut off while its change waits must not undo, when it is back, what was done since. */
const partitionJoin = case2025("TestPartitionControllerJoin5C", { groups: [1, 2, 3] }, async (lab) => {
  const { world } = lab;
  const main = lab.controller();
  await main.joinAndSettle(1);
  const client = lab.client();
  const expected = await writeAll(client);
  await lab.shutdown(2);
  const old = lab.controller();
  const waiting = watch(lab, old.joinAndSettle(2));
  await world.sleep(1_000);
  demand(!waiting.isOver, "the join was over while the group was down");
  old.setConnected(false);
  await lab.start(2);
  const successor = lab.controller();
  await successor.client.settled();
  await successor.joinAndSettle(3);
  const { number, groups } = await successor.leaveAndSettle(2);
  await checkKeys(client, expected);
  old.setConnected(true);
  await lab.controllers.until("the old controller to come back", () => waiting.isOver, 10_000);
  const after = await successor.query();
  demand(after.number === number, `the old controller has made configuration ${after.number}`);
  demand(Object.keys(after.groups).join() === Object.keys(groups).join(), "the groups are others than before");
  await checkKeys(client, expected);
});

const noClerk = (rounds: number) => (lab: ShardLab): Promise<void> => interruptedChanges(lab, rounds);

/** The same with five clients that race for some keys, for a minute. */
async function withClerks(lab: ShardLab): Promise<void> {
  const { world } = lab;
  let isOver = false;
  const racing = Array.from({ length: 5 }, () => race(lab, () => isOver));
  for (const one of racing) one.catch((error) => world.fail(error));
  const endMs = world.clock.monotonicMs() + 60_000;
  const controller = lab.controller();
  await controller.joinAndSettle(1);
  while (world.clock.monotonicMs() < endMs) {
    const isThere = Object.hasOwn((await controller.query()).groups, 2);
    await interrupted(lab, (unlucky) => isThere ? unlucky.leaveAndSettle(2) : unlucky.joinAndSettle(2));
    await world.sleep(500);
  }
  isOver = true;
  await Promise.all(racing);
}

const clerksLatency = { minMs: 8, maxMs: 20 };

/** The tests of 5B and 5C. */
export const shardkv1CasesBC: readonly LabCase[] = [
  joinLeave,
  recover,
  case2025("TestConcurrentReliable5C", { groups: numbered(4) }, racingControllers),
  case2025("TestAcquireLockConcurrentUnreliable5C", { groups: numbered(4), isReliable: false }, racingControllers),
  partitionJoin,
  case2025("TestPartitionRecoveryReliableNoClerk5C", { groups: [1, 2] }, noClerk(5)),
  case2025("TestPartitionRecoveryUnreliableNoClerk5C", { groups: [1, 2], isReliable: false }, noClerk(3)),
  case2025("TestPartitionRecoveryReliableClerks5C", { groups: [1, 2], latency: clerksLatency }, withClerks),
  case2025(
    "TestPartitionRecoveryUnreliableClerks5C",
    { groups: [1, 2], isReliable: false, latency: clerksLatency },
    withClerks,
  ),
];
