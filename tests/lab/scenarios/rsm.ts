/**
 * Labs 4A and 4C of 2025: the generic replicated state machine.
 *
 * @module
 */
import type { SubmitOutcome } from "../../../raft/rsm/errors.ts";
import { type CounterCommand, type CounterLife, CounterServer } from "../harness/counter_server.ts";
import { electionTimeoutMs, LabCluster } from "../harness/lab_cluster.ts";
import type { LabCase } from "../harness/lab_test_case.ts";
import { CounterProcess } from "../harness/server_processes.ts";
import { demand, LabFailure, type LabWorld } from "../harness/world.ts";

/** Three counters, and the client of the course's tests. */
class CounterCluster extends LabCluster<CounterLife> {
  /** Calls made. */
  operations = 0;
  readonly #maxRaftState: number;

  constructor(world: LabWorld, maxRaftState: number) {
    super(world, 3);
    this.#maxRaftState = maxRaftState;
  }

  protected override begin(name: string): Promise<CounterLife> {
    const options = { world: this.world, name, maxRaftState: this.#maxRaftState };
    return this.world.usesProcesses ? CounterProcess.boot(options) : CounterServer.boot(options);
  }

  /** Asks these servers in turn until one has executed the command, for 10 s at most; the command must not be asked twice. */
  async submit(command: CounterCommand, servers: readonly number[] = this.everyone): Promise<number> {
    this.operations++;
    const deadlineMs = this.world.clock.monotonicMs() + 10_000;
    while (this.world.clock.monotonicMs() < deadlineMs) {
      for (const server of servers) {
        if (!this.isConnected(server) || !this.isUp(server)) continue;
        const outcome = await this.life(server).submit(command);
        if (outcome.kind === "done") return outcome.result;
        demand(outcome.kind === "notDone", `the outcome of a ${command} is unknown: ${JSON.stringify(outcome)}`);
      }
      await this.world.sleep(50);
    }
    throw new LabFailure(`no server has executed a ${command} within 10 s`);
  }

  /** Counts `times` times, one after another, from `from` on. */
  async count(times: number, from: number): Promise<void> {
    for (let total = from + 1; total <= from + times; total++) {
      const got = await this.submit("inc");
      demand(got === total, `Inc returned ${got}, expected ${total}`);
    }
  }

  /** Waits until so many servers have counted so far, and none farther. */
  async checkTotal(total: number, servers = 3): Promise<void> {
    const agreeing = (): number => this.lives.filter((life) => life.total === total).length;
    await this.until(`${servers} servers to have counted to ${total}`, () => agreeing() >= servers);
    demand(this.lives.every((life) => life.total <= total), `a server has counted beyond ${total}`);
  }

  /** The leader among those that are reachable, waited for. */
  async leader(): Promise<number> {
    const leaders = (): number[] => this.reachable.filter((server) => this.life(server).isLeader);
    await this.until("a leader", () => leaders().length > 0);
    return leaders()[0] ?? 0;
  }
}

function rsmCase(
  name: string,
  scenario: (cluster: CounterCluster) => Promise<void>,
  maxRaftState = -1,
): LabCase {
  return {
    ...{ suite: "rsm", name, peers: 3, seedsInTest: 5 },
    run: async (world) => {
      const cluster = new CounterCluster(world, maxRaftState);
      await cluster.bootAll();
      await scenario(cluster);
      return { operations: cluster.operations };
    },
  };
}

/** Submits to one server many times at once; resolves with what became of each. */
function submitMany(cluster: CounterCluster, server: number, command: CounterCommand, count: number) {
  cluster.operations += count;
  return Array.from({ length: count }, () => cluster.life(server).submit(command));
}

const leaderPartition = rsmCase("TestLeaderPartition4A", async (cluster) => {
  const { world } = cluster;
  await cluster.submit("inc");
  const leader = await cluster.leader();
  const others = cluster.everyone.filter((server) => server !== leader);
  cluster.partition([leader], others);

  const outcomes: SubmitOutcome<number>[] = [];
  for (const submitted of submitMany(cluster, leader, "dec", 100)) {
    void submitted.then((outcome) => outcomes.push(outcome));
  }
  await cluster.submit("inc", others);
  await world.sleep(1_000);
  demand(outcomes.length === 0, `${outcomes.length} of 100 commands were answered by a leader without a majority`);

  cluster.partition();
  await world.sleep(1_000);
  const answered = outcomes.length;
  demand(answered >= 100, `only ${answered} of 100 commands were answered within 1 s after the partition was healed`);
  demand(outcomes.every(({ kind }) => kind === "notDone"), "a command of a deposed leader was not refused");
  await cluster.checkTotal(2);
});

/** The tests of the RSM suite. */
export const rsmCases: readonly LabCase[] = [
  rsmCase("TestBasic4A", async (cluster) => {
    for (let total = 1; total <= 10; total++) {
      await cluster.count(1, total - 1);
      await cluster.checkTotal(total);
    }
  }),
  rsmCase("TestConcurrent4A", async (cluster) => {
    await cluster.leader();
    await Promise.all(Array.from({ length: 50 }, () => cluster.submit("inc")));
    await cluster.checkTotal(50);
  }),
  rsmCase("TestLeaderFailure4A", async (cluster) => {
    await cluster.count(1, 0);
    const leader = await cluster.leader();
    cluster.disconnect(leader);
    await cluster.count(1, 1);
    cluster.connect(leader);
    await cluster.checkTotal(2);
  }),
  leaderPartition,
  rsmCase("TestRestartReplay4A", async (cluster) => {
    await cluster.count(100, 0);
    await cluster.checkTotal(100);
    await cluster.crashAll();
    await cluster.world.sleep(electionTimeoutMs);
    await cluster.restartAll();
    await cluster.count(1, 100);
    await cluster.checkTotal(101);
  }),
  rsmCase("TestShutdown4A", async (cluster) => {
    const { world } = cluster;
    let returned = 0;
    const leader = await cluster.leader();
    for (const submitted of submitMany(cluster, leader, "null", 100)) void submitted.then(() => returned++);
    // Some that can never be decided, too.
    cluster.disconnect(leader);
    for (const submitted of submitMany(cluster, leader, "null", 100)) void submitted.then(() => returned++);
    await world.sleep(20);
    await Promise.all(cluster.lives.map((life) => life.shutDown()));
    await cluster.until("all calls to end", () => returned === 200, 11_000);
  }),
  rsmCase("TestRestartSubmit4A", async (cluster) => {
    const { world } = cluster;
    await cluster.count(100, 0);
    await cluster.restartAll();
    await cluster.count(1, 100);
    await cluster.checkTotal(101);
    const submitted = submitMany(cluster, await cluster.leader(), "null", 100);
    await world.sleep(20);
    await Promise.all(cluster.lives.map((life) => life.shutDown()));
    await Promise.all(submitted);
    await world.sleep(electionTimeoutMs);
    await cluster.restartAll();
    // Numbers of calls from before must not be taken for those from after.
    await cluster.count(1, 101);
    await cluster.checkTotal(102);
  }),
  rsmCase("TestSnapshot4C", async (cluster) => {
    await cluster.count(100, 0);
    await cluster.checkTotal(100);
    await cluster.refresh();
    const bytes = cluster.raftStateBytes;
    demand(bytes <= 2_000, `the Raft state is too large: ${bytes} bytes, with a limit of 1000`);
    await cluster.restartAll();
    await cluster.refresh();
    demand(cluster.lives.every(({ snapshotIndex }) => snapshotIndex > 0), "a server has restarted without a snapshot");
    await cluster.count(1, 100);
    await cluster.checkTotal(101);
  }, 1_000),
];
