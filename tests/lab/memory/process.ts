/**
 * One test of memory, in a process of its own whose garbage can be collected at will:
 * `deno run -A --v8-flags=--expose-gc process.ts SUITE/NAME CLIENTS memory|tcp`. Prints a {@link MemoryReport} as JSON.
 *
 * The disk is real, as what a server has written down is not what it keeps in memory; the network is the program's own, so
 * that 100,000 clients do not wear out the machine's ports, unless TCP is asked for.
 *
 * @module
 */
import { KvServer, MemoryPlatform, type Platform, realPlatform } from "../../../mod.ts";
import { memoryCases } from "../scenarios/memory.ts";
import type { MemoryBench, MemoryCase } from "./memory_case.ts";
import { reachableBytes } from "./reachable_bytes.ts";

/** What the process has found. */
export interface MemoryReport {
  /** Growth of what is reachable, in bytes. */
  readonly growthBytes: number;
  /** Calls made. */
  readonly operations: number;
  /** Duration of the test itself. */
  readonly seconds: number;
}

/** Log bytes behind which a snapshot is taken: little, so that what is measured is not the log. */
const maxRaftState = 256 * 1024;

/** Clients of the run that makes all code warm. */
const warmClients = 300;

/** What is under way may take so long to end, in milliseconds. */
const settleMs = 10_000;

/**
 * Bytes that can be reached once what is under way has ended: connections that are closing, and a snapshot that is being
 * written, which holds the state that it is of. Looks again until it is no more than `enoughBytes`, or time is up.
 */
async function settledBytes(server: KvServer, enoughBytes: number): Promise<number> {
  const endMs = performance.now() + settleMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Counts its connections, and lets go of the few hundred closed ones that it has not looked at since.
    server.status();
    const bytes = reachableBytes();
    if (bytes <= enoughBytes || performance.now() >= endMs) return bytes;
  }
}

function platformInMemory({ isDiskSmall = false }: MemoryCase): Platform {
  const memory = new MemoryPlatform();
  return isDiskSmall ? memory : { ...realPlatform, network: memory.network };
}

/** Runs a test once; says by how much memory has grown if that is wanted, having waited until it is little enough. */
async function runOnce(test: MemoryCase, clients: number, network: "memory" | "tcp", isMeasured: boolean) {
  const dataDir = await Deno.makeTempDir();
  const platform = network === "tcp" ? realPlatform : platformInMemory(test);
  const address = "127.0.0.1:0";
  try {
    await using server = await KvServer.start({
      ...{ id: "n1", listen: address, peers: { n1: address }, dataDir, platform, maxRaftState },
    });
    const bench: MemoryBench = { clients, clerk: (options) => server.clerk(options) };
    await test.prepare?.(bench);
    const before = await settledBytes(server, Infinity);
    const startedMs = performance.now();
    const operations = await test.run(bench);
    const seconds = (performance.now() - startedMs) / 1000;
    const enoughBytes = isMeasured ? before + test.limitBytes(clients) : Infinity;
    const growthBytes = await settledBytes(server, enoughBytes) - before;
    return { growthBytes, operations, seconds } satisfies MemoryReport;
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

if (import.meta.main) {
  const [name, clients, network] = Deno.args;
  const test = memoryCases.find((candidate) => `${candidate.suite}/${candidate.name}` === name);
  if (test === undefined) throw new Error(`Cannot run ${name}: there is no such test of memory`);
  const where = network === "tcp" ? "tcp" : "memory";
  await runOnce(test, warmClients, where, false);
  console.log(JSON.stringify(await runOnce(test, Number(clients), where, true)));
}
