/**
 * Nodes that are far from each other, under production servers.
 */
import { assert } from "@std/assert";
import { Clerk, KvServer } from "../../kv/mod.ts";
import { Simulation } from "../../raft/testing/mod.ts";

/** How long a message takes, in milliseconds: Paris to Sydney. */
const latencyMs = 140;

const timing = { tickMs: 100, heartbeatTicks: 3, electionTimeoutTicks: 14 };

Deno.test("nodes at the ends of the earth, started in the same moment, find each other and serve", async () => {
  using simulation = new Simulation({ seed: 1, network: { latency: { minMs: latencyMs, maxMs: 1.02 * latencyMs } } });
  await simulation.run(async () => {
    const peers = { n1: "127.0.0.1:7001", n2: "127.0.0.1:7002", n3: "127.0.0.1:7003" };
    await Promise.all(
      Object.entries(peers).map(([id, listen]) =>
        KvServer.start({ id, listen, peers, dataDir: "data", timing, platform: simulation.process(id).start() })
      ),
    );
    const { network, clock, random } = simulation.process("client").start();
    const clerk = new Clerk(Object.values(peers), { network, clock, random, timeoutMs: 60_000 });
    await clerk.put("k", "v");
    const timeoutMs = timing.tickMs * timing.electionTimeoutTicks;
    assert(simulation.nowMs < 10 * timeoutMs, `${simulation.nowMs} ms`);
  });
});
