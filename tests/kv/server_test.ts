import { assert, assertEquals, assertRejects } from "@std/assert";
import { Clerk } from "../../kv/clerk.ts";
import { ClerkError } from "../../kv/errors.ts";
import { Lock } from "../../kv/lock.ts";
import { KvServer, type KvServerOptions } from "../../kv/server.ts";
import { replyFromCbor } from "../../kv/protocol.ts";
import { type CborValue, realClock, realPlatform } from "../../raft/mod.ts";
import { RpcClient } from "../../raft/wire/rpc.ts";

/** Resolves when the condition holds; fails when it does not come to hold. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!holds()) {
    assert(performance.now() < giveUpMs, `waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Addresses on this machine that nobody listens on just now. */
function freeAddresses(count: number): string[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  return listeners.map((listener) => {
    const { port } = listener.addr;
    listener.close();
    return `127.0.0.1:${port}`;
  });
}

/** Servers in this process, on TCP and in a temporary directory. */
class LocalCluster implements AsyncDisposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "balsa-kv-test-" });
  readonly peers: Record<string, string>;
  readonly running = new Map<string, KvServer>();

  constructor(count: number) {
    this.peers = Object.fromEntries(freeAddresses(count).map((address, at) => [`n${at + 1}`, address]));
  }

  static async start(count: number, options: Partial<KvServerOptions> = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(count);
    for (const id of Object.keys(cluster.peers)) await cluster.startServer(id, options);
    return cluster;
  }

  get addresses(): string[] {
    return Object.values(this.peers);
  }

  get leader(): KvServer | undefined {
    return [...this.running.values()].find((server) => server.status().role === "leader");
  }

  async startServer(id: string, options: Partial<KvServerOptions> = {}): Promise<void> {
    const { peers } = this;
    const dataDir = `${this.#dir}/${id}`;
    this.running.set(id, await KvServer.start({ id, listen: peers[id] ?? "", peers, dataDir, ...options }));
  }

  async stopServer(id: string): Promise<void> {
    const server = this.running.get(id);
    this.running.delete(id);
    await server?.[Symbol.asyncDispose]();
  }

  /** Waits until all servers have applied the same, and checks that they hold the same. */
  async assertReplicasEqual(): Promise<void> {
    const applied = (): number[] => [...this.running.values()].map((server) => server.status().lastApplied);
    await until("all servers have applied the same", () => new Set(applied()).size === 1);
    assertEquals(new Set([...this.running.values()].map((server) => server.status().hash)).size, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.running.keys()]) await this.stopServer(id);
    await Deno.remove(this.#dir, { recursive: true });
  }
}

Deno.test("KvServer: one server, restarted: data and sessions survive", async () => {
  await using cluster = await LocalCluster.start(1);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("color", "blue");
  await clerk.append("color", "-green");
  await clerk.put("bytes", new Uint8Array([0, 255]));
  await cluster.stopServer("n1");
  const append = clerk.append("color", "-red");
  await cluster.startServer("n1");
  await append;
  assertEquals(await clerk.get("color"), "blue-green-red");
  assertEquals(await clerk.getBytes("bytes"), new Uint8Array([0, 255]));
  assertEquals(cluster.running.get("n1")?.status().sessions, 1, "the Clerk went on in its session");
});

Deno.test("KvServer: three servers survive the loss of their leader under load, and every append runs once", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("k", "");
  const firstLeader = cluster.leader?.id ?? "";
  assert(firstLeader !== "");
  let done = 0;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let n = 0; n < 50; n++) {
      await clerk.append(`k${writer}`, `<${n}>`);
      done++;
    }
  });
  await until("some appends", () => done >= 100);
  await cluster.stopServer(firstLeader);
  await Promise.all(writers);
  const expected = Array.from({ length: 50 }, (_, n) => `<${n}>`).join("");
  for (let writer = 0; writer < 8; writer++) assertEquals(await clerk.get(`k${writer}`), expected);
  await cluster.startServer(firstLeader);
  await clerk.put("after", "restart");
  await cluster.assertReplicasEqual();
});

Deno.test("KvServer: a server that missed a snapshot's worth of writes catches up", async () => {
  const options = { maxRaftState: 20_000 };
  await using cluster = await LocalCluster.start(3, options);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("first", "1");
  const behind = [...cluster.running.keys()].find((id) => id !== cluster.leader?.id) ?? "";
  await cluster.stopServer(behind);
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 250 }, (_, n) => clerk.put(`key ${n}`, `value ${round} ${"x".repeat(50)}`)));
  }
  await until("the leader has a snapshot", () => (cluster.leader?.status().snapshotIndex ?? 0) > 0);
  await cluster.startServer(behind, options);
  await cluster.assertReplicasEqual();
  assertEquals(cluster.running.get(behind)?.status().keys, 251);
});

Deno.test("KvServer: racing versioned puts, with and without sessions: the version counts those that succeeded", async () => {
  await using cluster = await LocalCluster.start(3);
  await using withSession = new Clerk(cluster.addresses);
  await using without = new Clerk(cluster.addresses, { sessions: false });
  let successes = 0;
  const racers = [withSession, without, withSession, without].map(async (clerk, racer) => {
    for (let round = 0; round < 25; round++) {
      const { version } = await clerk.getWithVersion("k");
      const { kind } = await clerk.putIfVersion("k", `${racer}.${round}`, version);
      if (kind === "ok") successes++;
      else assertEquals(kind, "versionMismatch");
    }
  });
  await Promise.all(racers);
  assert(successes >= 25 && successes < 100, `${successes} of 100 succeeded`);
  assertEquals((await without.getWithVersion("k")).version, successes);
  assertEquals(await without.putIfVersion("missing", "v", 1), { kind: "noKey" });
  assertEquals(cluster.leader?.status().sessions, 1, "the Clerk without sessions left none behind");
  await cluster.assertReplicasEqual();
});

Deno.test("KvServer: ranges, deletes and transactions on three servers, through a restart and a snapshot", async () => {
  const options = { maxRaftState: 20_000 };
  await using cluster = await LocalCluster.start(3, options);
  await using clerk = new Clerk(cluster.addresses);
  await Promise.all(Array.from({ length: 500 }, (_, n) => clerk.put(`key ${n}`, "x".repeat(50))));
  const moves = Array.from({ length: 40 }, () =>
    clerk.transaction({
      then: [{ kind: "increment", key: "left", by: -1 }, { kind: "increment", key: "right", by: 1 }],
    }));
  // Whatever moment a page is of, nothing is lost between the two.
  for (let round = 0; round < 10; round++) {
    const { entries } = await clerk.range({ from: "left" });
    assertEquals(entries.reduce((sum, { value }) => sum + Number(value), 0), 0);
  }
  await Promise.all(moves);
  assertEquals(await clerk.deletePrefix("key 1"), 111);
  const { entries, index } = await clerk.range({ prefix: "key", limit: 1000, consistency: "stale" });
  assert(entries.length >= 389 && index > 40);
  await until("the leader has a snapshot", () => (cluster.leader?.status().snapshotIndex ?? 0) > 0);
  await cluster.assertReplicasEqual();
  for (const id of Object.keys(cluster.peers)) await cluster.stopServer(id);
  for (const id of Object.keys(cluster.peers)) await cluster.startServer(id, options);
  assertEquals([await clerk.count(), await clerk.count({ prefix: "key 1" })], [391, 0]);
  assertEquals([await clerk.get("left"), await clerk.get("right")], ["-40", "40"]);
  await cluster.assertReplicasEqual();
});

Deno.test("KvServer: a lock survives the loss of the leader, and ends by itself when its holder falls silent", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  const silent = new Clerk(cluster.addresses);
  const held = await new Lock(clerk, "kept", { leaseMs: 8000 }).acquire();
  const lost = await new Lock(silent, "lost", { leaseMs: 1000 }).acquire();
  await cluster.stopServer(cluster.leader?.id ?? "");
  await silent.close();
  const next = await new Lock(clerk, "lost", { leaseMs: 8000 }).acquire({ timeoutMs: 20_000 });
  assert(next.token > lost.token && lost.token > held.token);
  assertEquals((await clerk.lockState("kept")).token, held.token);
  assertEquals([held.isHeld, await held.release(), await next.release()], [true, true, true]);
  await until("its holder knows that it is lost", () => lost.signal.aborted);
});

Deno.test("KvServer: without a majority linearizable calls wait, and stale reads are answered", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("k", "v");
  const [survivor = "", ...others] = [...cluster.running.keys()];
  await until("the survivor has applied", () => cluster.running.get(survivor)?.status().keys === 1);
  for (const id of others) await cluster.stopServer(id);
  const failure = await assertRejects(() => clerk.get("k", { timeoutMs: 700 }), ClerkError);
  assertEquals(failure.code, "timeout");
  assertEquals(await clerk.get("k", { consistency: "stale" }), "v");
  const read = clerk.get("k");
  await cluster.startServer(others[0] ?? "");
  assertEquals(await read, "v");
});

Deno.test("KvServer: reads by lease see what was written before, at whichever server, also after the leader is gone", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  for (let count = 1; count <= 20; count++) {
    await clerk.put("k", String(count));
    assertEquals(await clerk.get("k", { consistency: "lease" }), String(count));
  }
  for (const address of cluster.addresses) {
    await using own = new Clerk([address]);
    assertEquals(await own.get("k", { consistency: "lease" }), "20");
    assertEquals(await own.count({ consistency: "lease" }), 1);
  }
  await cluster.stopServer(cluster.leader?.id ?? "");
  assertEquals(await clerk.get("k", { consistency: "lease" }), "20");
});

Deno.test("KvServer: status says how it is", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("k", "value");
  const statuses = await Promise.all(cluster.addresses.map((address) => clerk.status(address)));
  assertEquals(statuses.map(({ id }) => id), ["n1", "n2", "n3"]);
  const leader = statuses.find(({ role }) => role === "leader");
  assert(leader !== undefined);
  assertEquals(leader.leader, leader.id);
  assertEquals([leader.keys, leader.storeBytes, leader.sessions], [1, 6, 1]);
  assertEquals(leader.connections, 2, "the Clerk's calls, and the question itself");
  assertEquals(leader.peers.length, 2);
  assert(leader.commitIndex >= 3 && leader.logBytes > 0 && leader.syncMs > 0);
  const nobody = freeAddresses(1)[0] ?? "";
  await assertRejects(() => clerk.status(nobody), ClerkError, nobody);
});

Deno.test("KvServer: malformed requests are answered as such, a follower names the leader", async () => {
  await using cluster = await LocalCluster.start(3);
  await using clerk = new Clerk(cluster.addresses);
  await clerk.put("k", "v");
  const leader = cluster.leader;
  const follower = [...cluster.running.values()].find((server) => server.status().role === "follower");
  assert(leader !== undefined && follower !== undefined);
  await until("the follower knows the leader", () => follower.status().leader === leader.id);
  const client = await RpcClient.connect(realPlatform.network, follower.address, { clock: realClock, timeoutMs: 5000 });
  const ask = (body: CborValue): Promise<unknown> =>
    new Promise((resolve) => {
      client.call(body, (outcome) => resolve(outcome.kind === "reply" ? replyFromCbor(outcome.body) : outcome));
    });
  for (const body of [null, [], [9], [2, 1, 1, 1, [7, "k", "v"]], [{}], [3, 0, ""]]) {
    const reply = await ask(body);
    assert(typeof reply === "object" && reply !== null && "kind" in reply);
    assertEquals(reply.kind, "badRequest");
  }
  assertEquals(await ask([1]), { kind: "notLeader", leader: leader.id, address: leader.address });
  client.close();
});

Deno.test("KvServer: a Clerk of another cluster is turned away", async () => {
  await using cluster = await LocalCluster.start(1);
  await using clerk = new Clerk(cluster.addresses, { clusterId: "another" });
  const error = await assertRejects(() => clerk.put("k", "v", { timeoutMs: 300 }), ClerkError);
  assertEquals(error.code, "timeout");
});
