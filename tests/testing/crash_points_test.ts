/**
 * A node killed before and after every single disk operation of a short life, by SIGKILL and by power failure: whatever it
 * had acknowledged is there when it is started again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CrashPolicy, instantDiskProfile, type KillOptions, Simulation } from "../../raft/testing/mod.ts";
import { Clerk } from "../../kv/clerk.ts";
import { KvServer } from "../../kv/server.ts";

const address = "127.0.0.1:7001";
const appends = 12;

interface Life {
  /** Appends acknowledged before the death. */
  readonly acknowledged: number;
  /** Disk operations up to the death, or to the end. */
  readonly operations: number;
  /** What the second life reads. */
  readonly found: string;
}

/** Lives until the `killAt`th disk operation, dies as told, and lives again. */
async function liveTwice(seed: string, killAt: number, phase: "before" | "after", kill: KillOptions): Promise<Life> {
  using simulation = new Simulation({ seed, disk: instantDiskProfile });
  const process = simulation.process("n1");
  const start = (): Promise<KvServer> =>
    KvServer.start({
      // Small enough that a snapshot or two is taken meanwhile.
      ...{ id: "n1", listen: address, peers: { n1: address }, dataDir: "/data", maxRaftState: 600 },
      platform: process.start(),
    });
  const client = simulation.process("client").start();
  const clerk = new Clerk([address], { ...client, attemptTimeoutMs: 200 });
  let acknowledged = 0;
  process.disk.observer = (event) => {
    if (event.number === killAt && event.phase === phase) process.kill(kill);
  };
  return await simulation.run(async () => {
    // Never resolves if the node dies while it starts.
    start();
    const work = (async () => {
      for (let count = 0; count < appends; count++) {
        await clerk.append("log", `${count} `);
        acknowledged++;
      }
    })();
    await Promise.race([work, died(simulation, () => !process.isAlive)]);
    const result = { acknowledged, operations: process.disk.operations };
    process.disk.observer = null;
    if (process.isAlive) process.kill(kill);
    await start();
    await work;
    return { ...result, found: String(await clerk.get("log")) };
  });
}

/** Resolves soon after the condition holds. */
async function died(simulation: Simulation, condition: () => boolean): Promise<void> {
  while (!condition()) await simulation.sleep(1);
}

const expected = Array.from({ length: appends }, (_, count) => `${count} `).join("");

for (const disk of ["none", "all", "prefix", "random", "kept"] as const) {
  Deno.test(`killed at every disk operation (${disk}), a node comes back with all that it acknowledged`, async () => {
    const kill: KillOptions = disk === "kept"
      ? { kind: "process" }
      : { kind: "power", disk: disk satisfies CrashPolicy };
    const { operations } = await liveTwice(disk, Infinity, "after", kill);
    assert(operations > 40, `only ${operations} operations`);
    for (let killAt = 1; killAt <= operations; killAt++) {
      for (const phase of ["before", "after"] as const) {
        const life = await liveTwice(`${disk} ${killAt}`, killAt, phase, kill);
        assertEquals(
          life.found,
          expected,
          `killed ${phase} operation ${killAt} with ${life.acknowledged} acknowledged`,
        );
      }
    }
  });
}
