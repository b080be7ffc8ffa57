/**
 * Disks that are full or slow, under production servers: what goes on, what is refused, and how it ends.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Clerk, ClerkError, KvServer } from "../../kv/mod.ts";
import { defaultTiming, electionTimeoutMs } from "../../raft/node/options.ts";
import { defaultDiskProfile, type SimulatedDisk, Simulation } from "../../raft/testing/mod.ts";

const timeoutMs = electionTimeoutMs(defaultTiming);

/** Three servers in simulated processes, or as many as are named. */
class World implements Disposable {
  readonly simulation = new Simulation({ seed: 5 });
  readonly servers = new Map<string, KvServer>();
  readonly stopped: string[] = [];
  readonly peers: Readonly<Record<string, string>>;

  constructor(count: number) {
    this.peers = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`n${at + 1}`, `127.0.0.1:${7001 + at}`]),
    );
  }

  async start(): Promise<void> {
    for (const [id, listen] of Object.entries(this.peers)) {
      const server = await KvServer.start({
        ...{ id, listen, peers: this.peers, dataDir: "data", platform: this.simulation.process(id).start() },
        timeoutMs: 2_000,
        onStopped: (reason) => this.stopped.push(`${id}: ${reason}`),
      });
      this.servers.set(id, server);
    }
  }

  clerk(defaultTimeoutMs = 5_000): Clerk {
    const process = this.simulation.process("client");
    const { network, clock, random } = process.isAlive ? this.#platform : this.#platform = process.start();
    return new Clerk(Object.values(this.peers), { network, clock, random, timeoutMs: defaultTimeoutMs });
  }

  #platform!: ReturnType<ReturnType<Simulation["process"]>["start"]>;

  disk(id: string): SimulatedDisk {
    return this.simulation.process(id).disk;
  }

  server(id: string): KvServer {
    const server = this.servers.get(id);
    assert(server !== undefined);
    return server;
  }

  async leader(): Promise<string> {
    for (;;) {
      const leader = [...this.servers].find(([, server]) => server.status().role === "leader");
      if (leader !== undefined && leader[1].status().commitIndex > 0) return leader[0];
      await this.simulation.sleep(20);
    }
  }

  /** From now on nothing more fits. */
  fill(id: string): void {
    const disk = this.disk(id);
    disk.profile = { ...disk.profile, capacityBytes: disk.usedBytes };
  }

  free(id: string): void {
    const disk = this.disk(id);
    disk.profile = { ...disk.profile, capacityBytes: Infinity };
  }

  async until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
    const deadlineMs = this.simulation.nowMs + limitMs;
    while (!condition()) {
      assert(this.simulation.nowMs < deadlineMs, `not within ${limitMs} ms: ${what}`);
      await this.simulation.sleep(10);
    }
  }

  [Symbol.dispose](): void {
    this.simulation[Symbol.dispose]();
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    assert(error instanceof ClerkError, String(error));
    return error.code;
  }
}

Deno.test("alone on a full disk: reads go on, writes are refused as such, and all is well when there is room", async () => {
  using world = new World(1);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    world.fill("n1");
    // What was on its way when the disk was found full is neither done nor undone.
    assertEquals(await codeOf(clerk.put("k", "first")), "unknown");
    assertEquals(world.server("n1").status().isDiskFull, true);
    assertEquals(await codeOf(clerk.put("k", "second")), "diskFull");
    assertEquals(await clerk.get("k"), "before");
    assertEquals(world.server("n1").status().role, "leader");
    world.free("n1");
    await world.until("room", () => !world.server("n1").status().isDiskFull);
    await clerk.append("k", "-after");
    assertMatch(await clerk.get("k"), /^(first|before)-after$/);
    assertEquals(world.stopped, []);
  });
});

Deno.test("a leader on a full disk hands over to a follower that has room, and comes back", async () => {
  using world = new World(3);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    const full = await world.leader();
    world.fill(full);
    await clerk.put("k", "first");
    await world.until(
      "another leader",
      () => [...world.servers].some(([id, server]) => id !== full && server.status().role === "leader"),
    );
    const startedMs = world.simulation.nowMs;
    for (let serial = 0; serial < 50; serial++) await clerk.put("k", `${serial}`);
    assert(world.simulation.nowMs - startedMs < 10 * timeoutMs);
    assertEquals(world.server(full).status().isDiskFull, true);
    world.free(full);
    const target = Math.max(...[...world.servers.values()].map((server) => server.status().commitIndex));
    await world.until("it to catch up", () => world.server(full).status().lastApplied >= target);
    assertEquals([await clerk.get("k"), world.stopped], ["49", []]);
  });
});

Deno.test("all disks full: the leader stays, reads go on, and the cluster goes on when there is room", async () => {
  using world = new World(3);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    const leader = await world.leader();
    for (const id of world.servers.keys()) world.fill(id);
    assertEquals(await codeOf(clerk.put("k", "first")), "unknown");
    assertEquals(await codeOf(clerk.put("k", "second")), "diskFull");
    assertEquals(await clerk.get("k"), "before");
    assertEquals(world.server(leader).status().role, "leader");
    for (const id of world.servers.keys()) world.free(id);
    await clerk.append("k", "-after");
    assertMatch(await clerk.get("k"), /^(first|before)-after$/);
    assertEquals(world.stopped, []);
  });
});

Deno.test("what a full disk has cut short is no damage: the node restarts, killed or without power", async () => {
  for (
    const kill of [{ kind: "process" }, { kind: "power", disk: "all" }, { kind: "power", disk: "random" }] as const
  ) {
    using world = new World(1);
    await world.simulation.run(async () => {
      await world.start();
      const clerk = world.clerk();
      for (let serial = 0; serial < 20; serial++) await clerk.append("k", `${serial} `);
      const disk = world.disk("n1");
      // A part of the next write fits.
      disk.profile = { ...disk.profile, capacityBytes: disk.usedBytes + 100 };
      disk.inject({ operation: "write", effect: "short", code: "ENOSPC", name: /^wal-/, times: 3 });
      assertEquals(await codeOf(clerk.put("other", "x".repeat(1000))), "unknown");
      world.free("n1");
      // A shorter batch goes where the longer one was.
      await clerk.append("k", "end");
      world.simulation.process("n1").kill(kill);
      await world.start();
      assertMatch(await clerk.get("k"), /^0 1 2 .* 19 end$/);
      assertEquals(world.stopped, []);
    });
  }
});

Deno.test("an fsync that fails for want of room is not repeated: the node stops", async () => {
  using world = new World(1);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    world.disk("n1").inject({ operation: "sync", effect: "error", code: "ENOSPC", name: /^wal-/ });
    let syncs = 0;
    world.disk("n1").observer = ({ operation, name, phase }) => {
      if (operation === "sync" && phase === "before" && name.startsWith("wal-")) syncs++;
    };
    assertEquals(await codeOf(clerk.put("k", "first")), "unknown");
    assertEquals([world.server("n1").status().state, syncs], ["failed", 1]);
  });
});

Deno.test("heartbeats do not wait behind a follower's fsync of ten election timeouts", async () => {
  using world = new World(3);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    const leader = await world.leader();
    const victim = [...world.servers.keys()].find((id) => id !== leader) ?? "";
    const before = world.server(leader).status();
    stallOnce(world.disk(victim));
    const startedMs = world.simulation.nowMs;
    await clerk.put("k", "during");
    // A majority has it: nobody waits for the slow disk.
    assert(world.simulation.nowMs - startedMs < timeoutMs);
    await world.simulation.sleep(5 * timeoutMs);
    assert(world.server(victim).status().syncMaxMs >= 4 * timeoutMs, "an fsync under way shows");
    assertEquals(await clerk.get("k"), "during");
    await world.simulation.sleep(6 * timeoutMs);
    const after = world.server(leader).status();
    assertEquals([after.role, after.term], ["leader", before.term]);
    await world.until(
      "the slow one to catch up",
      () => world.server(victim).status().lastApplied === after.lastApplied,
    );
  });
});

Deno.test("a leader's fsync of ten election timeouts: heartbeats go on, leadership is handed over, writes within four", async () => {
  using world = new World(3);
  await world.simulation.run(async () => {
    await world.start();
    const clerk = world.clerk();
    await clerk.put("k", "before");
    const leader = await world.leader();
    const { term } = world.server(leader).status();
    stallOnce(world.disk(leader));
    const startedMs = world.simulation.nowMs;
    const written = clerk.put("k", "during");
    await world.simulation.sleep(0.9 * timeoutMs);
    assertEquals([world.server(leader).status().role, world.server(leader).status().term], ["leader", term]);
    await world.until("another leader", () => world.server(leader).status().role !== "leader", 3 * timeoutMs);
    // The first write waits at the old leader, for as long as the server lets it; others are served.
    await world.clerk().put("other", "meanwhile");
    assert(world.simulation.nowMs - startedMs < 4 * timeoutMs, `${world.simulation.nowMs - startedMs} ms`);
    await written;
    const successor = await world.leader();
    assertEquals(world.server(successor).status().term, term + 1);
    await world.simulation.sleep(12 * timeoutMs);
    assertEquals([world.server(successor).status().role, await clerk.get("k")], ["leader", "during"]);
    await world.until(
      "the slow one to catch up",
      () => world.server(leader).status().lastApplied === world.server(successor).status().lastApplied,
    );
    assertEquals(world.stopped, []);
  });
});

/** The next fsync takes ten election timeouts, those behind it no longer than before. */
function stallOnce(disk: SimulatedDisk): void {
  disk.profile = { ...disk.profile, sync: { minMs: 10 * timeoutMs, maxMs: 10 * timeoutMs } };
  disk.observer = ({ operation, phase }) => {
    if (operation !== "sync" || phase !== "before") return;
    disk.observer = null;
    // The time of this one is drawn behind us.
    queueMicrotask(() => disk.profile = defaultDiskProfile);
  };
}
