/** Who is let in: limits by address, and names; with the test as the network. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeHello } from "../../../raft/wire/hello.ts";
import { WireListener } from "../../../raft/wire/listener.ts";
import type { Network, Socket } from "../../../raft/wire/network.ts";
import { ManualClock } from "./manual_clock.ts";
import { microtasks, ScriptedSocket } from "./scripted_network.ts";

/** A listener of node n1 that is given its sockets by hand. */
async function listenByHand(): Promise<{ listener: WireListener; come(from: string): ScriptedSocket }> {
  let accept = (_socket: Socket): void => {};
  const network: Network = {
    listen(address, acceptSocket) {
      accept = acceptSocket;
      return Promise.resolve({ address, close: () => {} });
    },
    connect: () => Promise.reject(new Error("this network only listens")),
  };
  const listener = await WireListener.listen(network, "n1:1", {
    clusterId: "c",
    nodeId: "n1",
    clock: new ManualClock(),
    limits: { connectionsPerAddress: 2, maxConnections: 5 },
    onPeer: () => {},
    onClient: () => {},
  });
  const come = (from: string): ScriptedSocket => {
    const socket = new ScriptedSocket(from);
    accept(socket);
    return socket;
  };
  return { listener, come };
}

Deno.test("listener: an address has its limit, loopback only the common one", async () => {
  const { listener, come } = await listenByHand();
  const [first, second, third] = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"].map(come);
  assert(first?.closeReason === null && second?.closeReason === null);
  assertEquals(third?.closeReason, "too many connections");
  const others = ["10.0.0.2:1", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(come);
  assertEquals(others.map(({ closeReason }) => closeReason), [null, null, null, "too many connections"]);
  assertEquals(listener.connectionCount, 5);
  await microtasks();

  // One goes and one may come; the other one still counts.
  first.hangUp();
  await microtasks();
  assertEquals(come("10.0.0.1:4").closeReason, null);
  others[0]?.hangUp();
  await microtasks();
  assertEquals(come("10.0.0.1:5").closeReason, "too many connections");
  assertEquals(come("[fe80::1]:5").closeReason, null);
  listener.close();
  await microtasks();
  assertEquals(listener.connectionCount, 0);
  assertEquals(come("10.0.0.9:1").closeReason, "too many connections");
});

Deno.test("listener: a peer with the node's own name is told so", async () => {
  const { come } = await listenByHand();
  const socket = come("10.0.0.1:1");
  socket.receive(encodeHello({ clusterId: "c", role: "peer", nodeId: "n1", targetNodeId: "n1" }));
  assertStringIncludes(socket.closeReason ?? "", "two nodes have the same name");
  assert(socket.isFlushed);
  assertEquals(socket.written.length, 1);
});
