/** Watches of real servers: in a simulation while everything breaks, and on TCP while servers stop. */
import { assert, assertEquals } from "@std/assert";
import { Clerk, KvServer, type Value, type WatchEvent } from "../../kv/mod.ts";
import { type Clock, realClock, realPlatform, type Timer } from "../../raft/mod.ts";
import { courseUnreliable, Simulation } from "../../raft/testing/mod.ts";
import { SimulatedCluster } from "../testing/cluster_scenario.ts";

/** A copy of the keys that a watch tells of, which checks that events can follow each other as they do. */
class Follower {
  readonly keys = new Map<string, { readonly value: Value; readonly version: number }>();
  /** Events, snapshots not counted, and snapshots. */
  readonly counts = { changes: 0, snapshots: 0 };
  #index = 0;
  #isEntryOpen = false;

  tell(event: WatchEvent): void {
    assert(!this.#isEntryOpen || event.index === this.#index, "an entry's changes are not parted");
    if (event.kind === "snapshot") {
      assert(event.index >= this.#index);
      this.keys.clear();
      for (const { key, value, version } of event.entries) this.keys.set(key, { value, version });
      this.counts.snapshots++;
      this.#index = event.index;
      return;
    }
    this.counts.changes++;
    assert(this.#isEntryOpen || event.index > this.#index, `${event.index} comes behind ${this.#index}`);
    this.#index = event.index;
    this.#isEntryOpen = !event.isLast;
    if (event.kind === "delete") assert(this.keys.delete(event.key), "what is deleted was there");
    else {
      const { key, value, version } = event;
      assertEquals(version, (this.keys.get(key)?.version ?? 0) + 1, "no version is left out");
      this.keys.set(key, { value, version });
    }
  }

  get text(): string {
    return [...this.keys].sort().map(([key, { value, version }]) => `${key}@${version}=${value}`).join(" ");
  }
}

async function follow(clerk: Clerk, follower: Follower, pause: (event: WatchEvent) => Promise<void>): Promise<void> {
  for await (const event of clerk.watch({ prefix: "w/" }, { snapshot: "first" })) {
    follower.tell(event);
    await pause(event);
    if (follower.keys.has("w/end")) break;
  }
}

/** Snapshots are taken often. */
const maxRaftState = 2_000;

async function runWatched(seed: number): Promise<{ followers: Follower[]; state: string; hash: string }> {
  const simulation = new Simulation({ seed });
  const cluster = new SimulatedCluster(simulation, 3);
  const random = simulation.random.stream("scenario");
  const followers = Array.from({ length: 3 }, () => new Follower());
  const state = await simulation.run(async () => {
    await Promise.all(cluster.names.map((id) => cluster.start(id, maxRaftState)));
    const addresses = Object.values(cluster.peers);
    const clerk = new Clerk(addresses, simulation.process("client").start());
    const following = followers.map((follower, at) =>
      follow(new Clerk(addresses, simulation.process(`watcher ${at}`).start()), follower, async () => {
        // One of them sleeps while every server is restarted.
        if (at === 2 && follower.counts.changes === 20) await simulation.sleep(60_000);
      })
    );
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        const key = `w/${random.between(1, 9) | 0}`;
        if (random.chance(0.2)) await clerk.delete(key);
        else if (random.chance(0.3)) {
          await clerk.transaction({
            then: [{ kind: "put", key, value: "t" }, { kind: "increment", key: "w/count", by: 1 }, {
              kind: "put",
              key: "other",
              value: "t",
            }],
          });
        } else await clerk.put(key, `${simulation.nowMs | 0}`);
        await simulation.sleep(random.between(1, 60));
      }
    })();
    for (let round = 0; round < 6; round++) {
      simulation.network.setFaults(round % 2 === 1 ? courseUnreliable : null);
      const victim = round % 2 === 0 ? cluster.leader() ?? "n1" : random.shuffle(cluster.names)[0] ?? "n1";
      cluster.kill(victim);
      await simulation.sleep(random.between(100, 2_000));
      await cluster.start(victim, maxRaftState);
      const [first = "", ...others] = random.shuffle(cluster.names);
      simulation.network.partition([[first], others], "hold");
      await simulation.sleep(3_000);
      simulation.network.heal();
    }
    simulation.network.setFaults(null);
    for (const id of cluster.names) cluster.kill(id);
    await Promise.all(cluster.names.map((id) => cluster.start(id, maxRaftState)));
    await simulation.sleep(1_000);
    isOver = true;
    await writing;
    await clerk.put("w/end", "");
    await Promise.all(following);
    const entries = await Array.fromAsync(clerk.scan({ prefix: "w/" }));
    return entries.map(({ key, value, version }) => `${key}@${version}=${value}`).sort().join(" ");
  });
  return { followers, state, hash: simulation.trace.hash };
}

Deno.test("watches: ordered, unique, atomic, complete and resumed while servers die and links break", async () => {
  let [changes, snapshots] = [0, 0];
  for (let seed = 1; seed <= 6; seed++) {
    const { followers, state } = await runWatched(seed);
    for (const follower of followers) {
      assertEquals(follower.text, state, `seed ${seed}`);
      changes += follower.counts.changes;
      snapshots += follower.counts.snapshots - 1;
    }
  }
  assert(changes > 2000, `only ${changes} changes were told`);
  assert(snapshots > 0, "no watch was ever left behind");
});

/** The machine's clock, which notes the timers that run. */
function countingClock(timers: Set<Timer>): Clock {
  return {
    ...realClock,
    after(delayMs, callback) {
      const running = realClock.after(delayMs, () => {
        timers.delete(timer);
        callback();
      });
      const timer: Timer = {
        cancel() {
          timers.delete(timer);
          running.cancel();
        },
      };
      timers.add(timer);
      return timer;
    },
  };
}

Deno.test("watches: one that waits keeps no server from stopping, and goes on when it is back", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-watch-" });
  const timers = new Set<Timer>();
  const platform = { ...realPlatform, clock: countingClock(timers) };
  const start = (listen: string): Promise<KvServer> =>
    KvServer.start({ id: "n1", listen, peers: { n1: "127.0.0.1:0" }, dataDir, platform });
  try {
    let server = await start("127.0.0.1:0");
    const { address } = server;
    await using clerk = new Clerk([address]);
    await using watch = clerk.watch({ prefix: "" });
    await watch.started;
    const next = watch.next();
    await clerk.get("a round trip later it waits");
    const startMs = performance.now();
    await server[Symbol.asyncDispose]();
    assert(performance.now() - startMs < 1000);
    assertEquals(timers.size, 0, "no timer is left behind");
    server = await start(address);
    await clerk.put("k", "v");
    const { value } = await next;
    assertEquals(value?.kind === "put" && value.key, "k");
    await server[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("watches: the same seed gives the same run", async () => {
  assertEquals((await runWatched(7)).hash, (await runWatched(7)).hash);
});
