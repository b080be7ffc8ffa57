/**
 * What an operation costs on one, two and three groups: `deno run -A tests/bench/shards.ts [SECONDS]`. All groups, the
 * controller and the client are processes of this machine, so throughput says how many cores it has; the CPU time of an
 * operation says what sharding costs.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";
import { ShardClerk } from "../../kv/shards/shard_clerk.ts";
import { LocalCluster } from "../../shell/local_cluster.ts";
import { LocalShards } from "../../shell/local_shards.ts";
import { cpuMsOf, waitMs } from "./shards_load.ts";

/** Calls under way for each group: as many as there are fill a batch of each. */
const inFlightPerGroup = 256;
const keys = 1_000;
const value = "x".repeat(100);

interface Figures {
  readonly puts: number;
  readonly seconds: number;
  readonly serverCpuMs: number;
  readonly controllerCpuMs: number;
  readonly clientCpuMs: number;
}

async function load(
  clerk: Pick<Clerk, "put">,
  inFlight: number,
  seconds: number,
  servers: readonly number[],
  controllers: readonly number[],
): Promise<Figures> {
  let [isOver, puts] = [false, 0];
  const running = Array.from({ length: inFlight }, async (_, place) => {
    for (let turn = place; !isOver; turn++) {
      await clerk.put(`key ${(turn * 7919) % keys}`, value);
      puts++;
    }
  });
  await waitMs(1_000);
  const before = {
    puts,
    ms: performance.now(),
    servers: cpuMsOf(servers),
    own: cpuMsOf([Deno.pid]),
    controllers: cpuMsOf(controllers),
  };
  await waitMs(1_000 * seconds);
  const figures: Figures = {
    puts: puts - before.puts,
    seconds: (performance.now() - before.ms) / 1000,
    serverCpuMs: cpuMsOf(servers) - before.servers,
    controllerCpuMs: cpuMsOf(controllers) - before.controllers,
    clientCpuMs: cpuMsOf([Deno.pid]) - before.own,
  };
  isOver = true;
  await Promise.all(running);
  return figures;
}

function print(name: string, { puts, seconds, serverCpuMs, controllerCpuMs, clientCpuMs }: Figures): void {
  const each = (cpuMs: number): string => (1000 * cpuMs / puts).toFixed(1).padStart(6);
  console.log(
    `${name.padEnd(24)} ${(puts / seconds).toFixed(0).padStart(8)} puts/s   CPU µs a put: servers${each(serverCpuMs)}` +
      `, client${each(clientCpuMs)}; controller ${(controllerCpuMs / (10 * seconds)).toFixed(1)} % of a core`,
  );
}

const seconds = Number(Deno.args[0] ?? 5);
const dataDir = await Deno.makeTempDir({ prefix: "balsa-bench-shards-" });
try {
  {
    await using cluster = await LocalCluster.start({ dataDir: `${dataDir}/single`, firstPort: 0, onLost: () => {} });
    await using clerk = new Clerk(cluster.servers);
    print(
      "one cluster, no shards",
      await load(clerk, inFlightPerGroup, seconds, cluster.children.map(({ pid }) => pid), []),
    );
  }
  for (const groups of [1, 2, 3]) {
    const options = { firstPort: 0, groups, nodes: 3, shardCount: 12, onLost: () => {} };
    await using shards = await LocalShards.start({ ...options, dataDir: `${dataDir}/${groups}` });
    await shards.join();
    await using clerk = new ShardClerk(shards.servers);
    const servers = [...shards.groups.values()].flat().map(({ pid }) => pid);
    const controllers = shards.controllers.map(({ pid }) => pid);
    print(`${groups} groups, 12 shards`, await load(clerk, groups * inFlightPerGroup, seconds, servers, controllers));
  }
} finally {
  await Deno.remove(dataDir, { recursive: true });
}
