/**
 * The shard controller's suite of 2024, and the test of configurations of 2025.
 *
 * @module
 */
import { ShardController } from "../../../kv/shards/controller.ts";
import {
  firstConfiguration,
  type GroupId,
  type Groups,
  groupsOf,
  join,
  leave,
  nobody,
  type ShardChange,
  type ShardConfiguration,
} from "../../../kv/shards/shard_config.ts";
import { KvCluster } from "../harness/kv_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { demand, type LabWorld } from "../harness/world.ts";
import { changed, checkEven, shardCount2024, shardCount2025 } from "./shard_checks.ts";

const concurrentClients = 10;

/** Fails unless exactly these groups are there, all shards belong to them, and their shares are even. */
function check(configuration: ShardConfiguration, expected: readonly GroupId[]): void {
  const groups = groupsOf(configuration);
  const wanted = expected.toSorted((left, right) => left - right);
  demand(groups.join() === wanted.join(), () => `the groups are ${groups.join(", ")}, not ${wanted.join(", ")}`);
  checkEven(configuration);
}

/** Fails if a shard has moved between groups that were there before and are there now. */
function checkMinimal(before: ShardConfiguration, after: ShardConfiguration): void {
  for (const [shard, owner] of after.shards.entries()) {
    const previous = before.shards[shard] ?? nobody;
    const isNeedless = owner !== previous && Object.hasOwn(after.groups, previous) &&
      Object.hasOwn(before.groups, owner);
    demand(!isNeedless, () => `shard ${shard} has moved from group ${previous} to ${owner} without need`);
  }
}

function serversOf(group: GroupId): readonly string[] {
  return ["a", "b", "c"].map((letter) => `${group}${letter}:7000`);
}

function named(...groups: readonly GroupId[]): Groups {
  return Object.fromEntries(groups.map((group) => [group, serversOf(group)]));
}

/** Servers of a controller, and clients whose calls are counted. */
class Controllers {
  readonly cluster: KvCluster;
  operations = 0;

  constructor(cluster: KvCluster) {
    this.cluster = cluster;
  }

  client(): ShardController {
    const { platform: { clock, network, random }, addresses } = this.cluster.machine();
    const options = { clock, network, random, shardCount: shardCount2024, attemptTimeoutMs: 250 };
    const client = new ShardController(this.cluster.world.random.shuffle(addresses), options);
    this.cluster.world.atEnd(() => client[Symbol.asyncDispose]());
    return client;
  }

  async query(client: ShardController, number?: number): Promise<ShardConfiguration> {
    this.operations++;
    const found = await client.query(number);
    demand(found !== null, () => `there is no configuration ${number}`);
    return found;
  }

  async join(client: ShardController, ...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    this.operations++;
    return changed(await client.join(named(...groups)));
  }

  async leave(client: ShardController, ...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    this.operations++;
    return changed(await client.leave(groups));
  }

  async checkNow(client: ShardController, ...groups: readonly GroupId[]): Promise<ShardConfiguration> {
    const configuration = await this.query(client);
    check(configuration, groups);
    for (const group of groups) {
      demand(
        configuration.groups[group]?.join() === serversOf(group).join(),
        `the servers of group ${group} have changed`,
      );
    }
    return configuration;
  }
}

/** A test of the controller on three servers. */
function controllerCase(name: string, scenario: (controllers: Controllers) => Promise<void>): LabCase {
  return {
    ...{ suite: "shardctrler", name, peers: 3, seedsInTest: 3 },
    run: async (world: LabWorld) => {
      const cluster = await KvCluster.make(world, { size: 3, isReliable: true, maxRaftState: -1 });
      const controllers = new Controllers(cluster);
      await scenario(controllers);
      return { operations: controllers.operations };
    },
  };
}

async function leaveAndJoin(controllers: Controllers, client: ShardController): Promise<ShardConfiguration[]> {
  const history = [await controllers.checkNow(client)];
  await controllers.join(client, 1);
  history.push(await controllers.checkNow(client, 1));
  await controllers.join(client, 2);
  history.push(await controllers.checkNow(client, 1, 2));
  await controllers.leave(client, 1);
  history.push(await controllers.checkNow(client, 2));
  await controllers.leave(client, 2);
  history.push(await controllers.checkNow(client));
  return history;
}

async function historicalQueries(
  controllers: Controllers,
  client: ShardController,
  history: readonly ShardConfiguration[],
): Promise<void> {
  const { cluster } = controllers;
  for (const server of cluster.everyone) {
    await cluster.crash(server);
    for (const expected of history) {
      const found = await controllers.query(client, expected.number);
      demand(JSON.stringify(found) === JSON.stringify(expected), () => `configuration ${expected.number} has changed`);
    }
    await cluster.boot(server);
    cluster.connect(server);
  }
}

async function moves(controllers: Controllers, client: ShardController): Promise<void> {
  await controllers.join(client, 503, 504);
  const ownerOf = (shard: number): GroupId => shard < shardCount2024 / 2 ? 503 : 504;
  for (let shard = 0; shard < shardCount2024; shard++) {
    const before = await controllers.query(client);
    controllers.operations++;
    const change = await client.move(shard, ownerOf(shard));
    const after = await controllers.query(client);
    const wasThere = before.shards[shard] === ownerOf(shard);
    demand(change.kind === (wasThere ? "unchanged" : "changed"), () => `the move of shard ${shard}: ${change.kind}`);
    demand(
      after.number === before.number + (wasThere ? 0 : 1),
      "a move must make one configuration, unless it moves nothing",
    );
  }
  const { shards } = await controllers.query(client);
  demand(shards.every((group, shard) => group === ownerOf(shard)), () => `after the moves: ${shards.join(", ")}`);
  await controllers.leave(client, 503, 504);
}

/** Ten clients at once, each taking in two groups and letting one go. */
async function concurrently(
  controllers: Controllers,
  client: ShardController,
  groupsOfClient: (number: number) => { readonly joining: GroupId[]; readonly leaving: GroupId[] },
): Promise<GroupId[]> {
  const staying = await Promise.all(
    Array.from({ length: concurrentClients }, async (_, number) => {
      const own = controllers.client();
      const { joining, leaving } = groupsOfClient(number);
      await controllers.join(own, ...leaving);
      await controllers.join(own, ...joining);
      await controllers.leave(own, ...leaving);
      return joining;
    }),
  );
  await controllers.checkNow(client, ...staying.flat());
  return staying.flat();
}

async function minimalTransfers(
  controllers: Controllers,
  client: ShardController,
  present: readonly GroupId[],
  steps: readonly (readonly GroupId[])[],
): Promise<void> {
  for (const step of steps) {
    const before = await controllers.query(client);
    checkMinimal(before, await controllers.join(client, ...step));
  }
  await controllers.checkNow(client, ...present, ...steps.flat());
  for (const step of steps) {
    const before = await controllers.query(client);
    checkMinimal(before, await controllers.leave(client, ...step));
  }
  await controllers.checkNow(client, ...present);
}

const basic = controllerCase("TestBasic", async (controllers) => {
  const client = controllers.client();
  const history = await leaveAndJoin(controllers, client);
  await historicalQueries(controllers, client, history);
  await moves(controllers, client);
  const present = await concurrently(controllers, client, (number) => ({
    joining: [number * 10 + 100],
    leaving: [number * 10 + 1100],
  }));
  await minimalTransfers(controllers, client, present, [[2001], [2002], [2003], [2004], [2005]]);
});

const minimalAgain = controllerCase("TestMinimalAgain", async (controllers) => {
  const client = controllers.client();
  await controllers.join(client, 1);
  await controllers.join(client, 2);
  const most = Math.floor(shardCount2024 / 3) + 1;
  for (const step of [() => controllers.join(client, 3), () => controllers.leave(client, 1)]) {
    const before = await controllers.query(client);
    const after = await step();
    checkMinimal(before, after);
    const moved = after.shards.filter((group, shard) => group !== before.shards[shard]).length;
    demand(moved <= most, `${moved} shards have moved; ${most} are enough`);
  }
});

/** The configuration must be the same whichever server answers. */
async function agree(controllers: Controllers, client: ShardController): Promise<void> {
  const { cluster } = controllers;
  const before = await controllers.query(client);
  const leader = await cluster.leader();
  await cluster.crash(leader);
  await cluster.until(
    "a new leader",
    () => cluster.everyone.some((server) => cluster.isUp(server) && cluster.life(server).state().isLeader),
  );
  const after = await controllers.query(client);
  demand(JSON.stringify(before) === JSON.stringify(after), "the configuration is another one at the next leader");
  await cluster.boot(leader);
  cluster.connect(leader);
}

const multi = controllerCase("TestMulti", async (controllers) => {
  const client = controllers.client();
  await controllers.checkNow(client);
  await controllers.join(client, 1, 2);
  await controllers.checkNow(client, 1, 2);
  await controllers.join(client, 3);
  await controllers.checkNow(client, 1, 2, 3);
  await controllers.leave(client, 1, 3);
  await controllers.checkNow(client, 2);
  await controllers.leave(client, 2);
  const present = await concurrently(controllers, client, (number) => ({
    joining: [number * 10 + 100, number * 10 + 101],
    leaving: [number * 10 + 1100, number * 10 + 1101],
  }));
  await minimalTransfers(controllers, client, present, [[2001, 2002, 2003], [2004, 2005], [2006]]);
  await agree(controllers, client);
});

/** Pure: joins and leaves of 2025. */
const configurations: LabCase = {
  ...{ suite: "shardcfg", name: "TestBasic", peers: 1, seedsInTest: 1 },
  run: () => {
    let operations = 0;
    let configuration = firstConfiguration(shardCount2025);
    check(configuration, []);
    const present: GroupId[] = [];
    const step = (change: ShardChange): void => {
      const after = changed(change);
      check(after, present);
      checkMinimal(configuration, after);
      configuration = after;
      operations++;
    };
    for (let group = 1; group <= shardCount2025 + 3; group++) {
      present.push(group);
      step(join(configuration, named(group)));
    }
    while (present.length > 0) step(leave(configuration, [present.shift() ?? nobody]));
    return Promise.resolve({ operations });
  },
};

/** The suites of the controller and of configurations. */
export const controllerCases: readonly LabCase[] = [basic, minimalAgain, multi, configurations];
