/** One port for several clusters: each connection comes to the node that it names, and to nobody else. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Clerk } from "../../../kv/clerk.ts";
import { KvServer } from "../../../kv/server.ts";
import { ShardController } from "../../../kv/shards/controller.ts";
import { ShardClerk } from "../../../kv/shards/shard_clerk.ts";
import { clusterIdOf } from "../../../kv/shards/shard_config.ts";
import { ShardServer } from "../../../kv/shards/shard_server.ts";
import type { Platform } from "../../../raft/platform.ts";
import { Simulation } from "../../../raft/testing/mod.ts";
import { RpcClient } from "../../../raft/wire/rpc.ts";
import { SharedPort } from "../../../raft/wire/shared_port.ts";

const hosts = ["m1", "m2", "m3"];
const addressOf = (host: string): string => `127.0.0.1:${7001 + hosts.indexOf(host)}`;
const peers = Object.fromEntries(hosts.map((host) => [host, addressOf(host)]));

/** A machine with a port that clusters share, and what a node of one of them is started with. */
async function machine(simulation: Simulation, host: string) {
  const platform = simulation.process(host).start();
  const port = await SharedPort.open(addressOf(host), platform);
  const nodeOf = (clusterId: string) => {
    const own: Platform = { ...platform, network: port.networkOf(clusterId) };
    return { id: host, listen: port.address, peers, dataDir: clusterId, clusterId, platform: own };
  };
  return { port, nodeOf };
}

Deno.test("shared port: two clusters and their clients do not meet", async () => {
  using simulation = new Simulation({ seed: 1 });
  await simulation.run(async () => {
    for (const host of hosts) {
      const { nodeOf } = await machine(simulation, host);
      for (const cluster of ["red", "blue"]) await KvServer.start(nodeOf(cluster));
    }
    const { network, clock, random } = simulation.process("client").start();
    const clerkOf = (clusterId: string) =>
      new Clerk(Object.values(peers), { clusterId, network, clock, random, timeoutMs: 10_000 });
    const [red, blue] = [clerkOf("red"), clerkOf("blue")];
    await red.put("color", "red");
    await blue.put("color", "blue");
    assertEquals([await red.get("color"), await blue.get("color")], ["red", "blue"]);
    const connect = (clusterId: string) =>
      RpcClient.connect(network, addressOf("m1"), { clock, clusterId, timeoutMs: 1_000 });
    const stranger = await assertRejects(() => connect("green"), Error);
    assertStringIncludes(stranger.message, 'not "green"');
    await assertRejects(() => connect(""), Error);
  });
});

Deno.test("shared port: one node of a cluster, at the port's own address; who says nothing is sent away", async () => {
  using simulation = new Simulation({ seed: 1 });
  await simulation.run(async () => {
    const { port, nodeOf } = await machine(simulation, "m1");
    const { network } = simulation.process("client").start();
    const socket = await network.connect(addressOf("m1"));
    const closed = new Promise<void>((resolve) => socket.start({ data: () => {}, closed: () => resolve() }));
    const first = port.networkOf("red");
    const accept = (): void => {};
    const listener = await first.listen(port.address, accept);
    await assertRejects(() => first.listen(port.address, accept), Error, "another node of it");
    await assertRejects(() => port.networkOf("blue").listen("127.0.0.1:1", accept), Error, port.address);
    listener.close();
    await KvServer.start({ ...nodeOf("red"), peers: { m1: port.address } });
    const beganMs = simulation.nowMs;
    await closed;
    assertEquals(simulation.nowMs - beganMs <= 5_100, true);
  });
});

Deno.test("shared port: a controller and two groups on three machines, with one port each", async () => {
  using simulation = new Simulation({ seed: 2 });
  await simulation.run(async () => {
    const controllers = Object.values(peers);
    for (const host of hosts) {
      const { nodeOf } = await machine(simulation, host);
      await KvServer.start(nodeOf("controller"));
      for (const group of [1, 2]) {
        await ShardServer.start({
          ...nodeOf(clusterIdOf(group)),
          group,
          controllers,
          controllerClusterId: "controller",
        });
      }
    }
    const { network, clock, random } = simulation.process("client").start();
    const options = { network, clock, random, clusterId: "controller", timeoutMs: 20_000 };
    const controller = new ShardController(controllers, { ...options, shardCount: 6 });
    await controller.join({ 1: controllers });
    const clerk = new ShardClerk(controllers, options);
    const keys = Array.from({ length: 12 }, (_, at) => `key ${at}`);
    for (const key of keys) await clerk.put(key, key);
    await controller.join({ 2: controllers });
    await controller.leave([1]);
    await controller.settled();
    for (const key of keys) assertEquals(await clerk.get(key), key);
  });
});
