/**
 * Members on real files and real sockets, and what is refused before anything is opened.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { NodeStatus } from "../../../raft/node/status.ts";
import { type NodeOptions, NodeOptionsError, openRaft } from "../../../raft/open.ts";
import { ReplicatedStateMachine } from "../../../raft/rsm/rsm.ts";
import { Journal } from "../node/support/journal.ts";

function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

/** Calls back on every change of status, so that a test can wait for one. */
class StatusWatch {
  readonly latest = new Map<string, NodeStatus>();
  #waiting: (() => void)[] = [];

  note(status: NodeStatus): void {
    this.latest.set(status.id, status);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function options(dataDir: string, changes: Partial<NodeOptions> = {}): NodeOptions {
  const address = freeAddress();
  return { id: "n1", listen: address, peers: { n1: address }, dataDir, ...changes };
}

Deno.test("a cluster of one keeps what it has done, over a restart with a snapshot", async () => {
  const dataDir = await Deno.makeTempDir();
  const settings = options(dataDir);
  const expected: string[] = [];
  try {
    for (let run = 0; run < 3; run++) {
      const machine = new Journal();
      await using replica = await ReplicatedStateMachine.start({ ...settings, machine, maxRaftState: 500 });
      assertEquals(machine.restores, run === 0 ? 0 : 1);
      const before = replica.status().snapshot.last.index;
      while (replica.status().snapshot.last.index === before) {
        expected.push(`${run}:${expected.length}`);
        assertEquals(await replica.submit(expected.at(-1) ?? ""), expected.length);
      }
      expected.push("behind the snapshot");
      await replica.submit("behind the snapshot");
      assertEquals(await replica.read("all"), expected);
    }
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("three members over TCP: commands, loss of the leader, its return", async () => {
  const directory = await Deno.makeTempDir();
  const peers = { n1: freeAddress(), n2: freeAddress(), n3: freeAddress() };
  const watch = new StatusWatch();
  const journals = new Map<string, Journal>();
  const start = (id: keyof typeof peers) => {
    const machine = new Journal();
    journals.set(id, machine);
    return ReplicatedStateMachine.start({
      ...{ id, listen: peers[id], peers, dataDir: `${directory}/${id}`, machine },
      onStatus: (status) => watch.note(status),
    });
  };
  try {
    const replicas = { n1: await start("n1"), n2: await start("n2"), n3: await start("n3") };
    const names = ["n1", "n2", "n3"] as const;
    const leaderAmong = (among: readonly (keyof typeof peers)[]): keyof typeof peers | undefined =>
      among.find((id) => watch.latest.get(id)?.role === "leader" && among.every((one) => replicas[one].leader === id));
    await watch.until(() => leaderAmong(names) !== undefined);
    const first = leaderAmong(names) ?? "n1";
    assertEquals(await replicas[first].submit("one"), 1);
    await replicas[first][Symbol.asyncDispose]();

    const rest = names.filter((id) => id !== first);
    await watch.until(() => leaderAmong(rest) !== undefined);
    const second = leaderAmong(rest) ?? "n1";
    assertEquals(await replicas[second].submit("two"), 2);

    replicas[first] = await start(first);
    assertEquals(await replicas[first].read("all"), ["one", "two"]);
    for (const id of names) await replicas[id][Symbol.asyncDispose]();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what cannot work is refused with a message that says what to do", async () => {
  const dataDir = await Deno.makeTempDir();
  const peers = { n1: "127.0.0.1:7001", n2: "127.0.0.1:7002", n3: "127.0.0.1:7003" };
  const cases: readonly (readonly [Partial<NodeOptions>, string])[] = [
    [{ id: "n9", peers }, "Cannot start node n9: --peers names n1, n2, n3; add n9=HOST:PORT or use another --id"],
    [{ peers: {} }, "Cannot start node n1: --peers is empty"],
    [{ id: "" }, "Cannot start a node without a name"],
    [{ peers: { n1: "nowhere" } }, 'Cannot start node n1: the address "nowhere" of peer n1 is not HOST:PORT'],
    [{ peers: { ...peers, n2: "127.0.0.1:0" } }, "with a port from 1 to 65535"],
    [{ listen: "7001" }, 'Cannot listen on "7001": it is not HOST:PORT'],
    [{ listen: "0.0.0.0:7001" }, "Cannot listen on 0.0.0.0:7001: there is no authentication yet"],
    [{ listen: "[::]:7001" }, "pass --insecure if the network is trusted"],
    [{ dataDir: "" }, "the data directory is empty"],
    [{ timing: { heartbeatTicks: 12 } }, "an election must take more than two heartbeats"],
    [{ timing: { clockDriftBound: 0.9 } }, "clockDriftBound is 0.9; it must be 1 or more"],
  ];
  try {
    for (const [changes, message] of cases) {
      await assertRejects(() => openRaft(options(dataDir, changes)), NodeOptionsError, message);
    }
    assertEquals([...Deno.readDirSync(dataDir)], [], "nothing was written");
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("a port in use is an error, and lets go of the data directory", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    const settings = options(dataDir);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await assertRejects(() => openRaft({ ...settings, listen: `127.0.0.1:${listener.addr.port}` }));
    await using opened = await openRaft(settings);
    assertEquals(opened.address, settings.listen);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("a data directory in use is refused", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await using _opened = await openRaft(options(dataDir));
    const error = await assertRejects(() => openRaft(options(dataDir)));
    assert(error instanceof Error && error.message.includes(dataDir), `${error}`);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
