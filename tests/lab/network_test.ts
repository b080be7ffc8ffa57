/**
 * The course's tests of its own simulated network (labrpc, tester1), on ours: RPCs between an {@link RpcClient} and an
 * {@link RpcServer} over simulated sockets, in virtual time.
 *
 * A call of the course fails by itself when its network loses it. Ours waits, because TCP would: so the callers here give
 * up after a time of their own.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { courseLongReordering, courseUnreliable, mergeFaults, Simulation } from "../../raft/testing/mod.ts";
import { WireListener } from "../../raft/wire/listener.ts";
import { readAnyBody, RpcClient, type RpcOutcome, RpcServer } from "../../raft/wire/rpc.ts";

/** What a handler gets: the request, and a way to answer later. */
type Handler = (request: CborValue, respond: (reply: CborValue) => void) => void;

/** The course's "junk server" and its clients. */
class Lab {
  readonly simulation: Simulation;
  /** Requests that reached the handler. */
  handled = 0;
  #clients = 0;

  constructor(seed: number | string) {
    this.simulation = new Simulation({ seed });
  }

  /** Starts the server, anew after a kill. */
  async serve(handler: Handler): Promise<void> {
    const { clock, network } = this.simulation.process("server").start();
    const server = new RpcServer(
      (request, respond) => {
        this.handled++;
        handler(request, respond);
      },
      readAnyBody,
      { clock },
    );
    await WireListener.listen(network, "server:1", {
      ...{ clusterId: "lab", nodeId: "server", clock },
      onPeer: (accepted) => accepted.connection.close("no peers here"),
      onClient: (accepted) => server.accept(accepted),
    });
  }

  /** A client on a machine of its own. */
  connect(): Promise<RpcClient> {
    const { clock, network } = this.simulation.process(`client ${++this.#clients}`).start();
    return RpcClient.connect(network, "server:1", { clock, timeoutMs: 10_000 });
  }

  /** Calls; null when nothing came within the time. */
  call(client: RpcClient, body: CborValue, timeoutMs = 7_000): Promise<CborValue | null> {
    return new Promise((resolve) => {
      const cancel = client.call(body, (outcome: RpcOutcome) => {
        timer.cancel();
        resolve(outcome.kind === "reply" ? outcome.body : null);
      });
      const timer = this.simulation.clock.after(timeoutMs, () => {
        cancel();
        resolve(null);
      });
    });
  }
}

/** Handler2 of the course: `handler2-ARGUMENT`. */
const echo: Handler = (request, respond) => respond(`handler2-${request}`);

/** A test with a server that echoes and one client. */
function labTest(
  name: string,
  body: (lab: Lab, client: RpcClient) => Promise<void>,
  handler: Handler = echo,
): void {
  Deno.test(name, async () => {
    const lab = new Lab(name);
    using simulation = lab.simulation;
    await simulation.run(async () => {
      await lab.serve(handler);
      await body(lab, await lab.connect());
    });
  });
}

labTest("TestBasic", async (lab, client) => {
  assertEquals(await lab.call(client, "111"), "handler2-111");
});

labTest("TestTypes", async (lab, client) => {
  const value: CborValue = [1, -2, 2.5, "text", Uint8Array.of(1, 2, 3), [true, null, ["deep"]]];
  assertEquals(await lab.call(client, value), value);
}, (request, respond) => respond(request));

labTest("TestDisconnect", async (lab, client) => {
  lab.simulation.network.disconnect("server");
  assertEquals(await lab.call(client, "111"), null);
  lab.simulation.network.reconnect("server");
  assertEquals(await lab.call(client, "222"), "handler2-222");
  assertEquals(lab.handled, 1);
});

labTest("TestCounts", async (lab, client) => {
  for (let index = 0; index < 17; index++) assertEquals(await lab.call(client, index), `handler2-${index}`);
  assertEquals(lab.simulation.network.requestsTo("server"), 17);
});

labTest("TestBytes", async (lab, client) => {
  const { counters } = lab.simulation.network;
  const before = counters.bytes;
  for (let index = 0; index < 17; index++) assertEquals(await lab.call(client, "x".repeat(270)), 270);
  const oneWay = counters.bytes - before;
  assert(oneWay >= 4_828 && oneWay <= 6_000, `${oneWay} bytes for 17 long requests`);
  for (let index = 0; index < 17; index++) assertEquals(await lab.call(client, 107), "y".repeat(107));
  const otherWay = counters.bytes - before - oneWay;
  assert(otherWay >= 1_800 && otherWay <= 2_500, `${otherWay} bytes for 17 long replies`);
}, (request, respond) => respond(typeof request === "string" ? request.length : "y".repeat(Number(request))));

labTest("TestConcurrentMany", async (lab) => {
  const counts = await Promise.all(Array.from({ length: 20 }, async (_, own) => {
    const client = await lab.connect();
    let count = 0;
    for (let index = 0; index < 10; index++) {
      if (await lab.call(client, own * 100 + index) === `handler2-${own * 100 + index}`) count++;
    }
    return count;
  }));
  assertEquals(counts, new Array(20).fill(10));
  assertEquals(lab.simulation.network.requestsTo("server"), 200);
});

labTest("TestUnreliable", async (lab) => {
  lab.simulation.network.setFaults(courseUnreliable);
  const replies = await Promise.all(Array.from({ length: 300 }, async (_, own) => {
    const client = await lab.connect();
    return await lab.call(client, own * 100);
  }));
  const successes = replies.filter((reply, own) => reply === `handler2-${own * 100}`).length;
  assertEquals(replies.filter((reply) => reply !== null).length, successes);
  assert(successes < 300 && successes > 0, `${successes} of 300 calls succeeded`);
  // 0.9 of the requests arrive, and 0.9 of the replies.
  assert(successes > 243 - 30 && successes < 243 + 30, `${successes} of 300 calls succeeded`);
  assert(lab.handled > successes, "some requests were executed although their reply was lost");
});

labTest("TestConcurrentOne", async (lab, client) => {
  const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => lab.call(client, index)));
  assertEquals(replies, Array.from({ length: 20 }, (_, index) => `handler2-${index}`));
  assertEquals(lab.simulation.network.requestsTo("server"), 20);
});

labTest("TestRegression1", async (lab, client) => {
  // Calls on a disabled link must not delay the one that is made after it was enabled.
  lab.simulation.network.disconnect("server");
  const lost = Array.from({ length: 20 }, (_, index) => lab.call(client, index));
  await lab.simulation.sleep(100);
  const startedMs = lab.simulation.nowMs;
  lab.simulation.network.reconnect("server");
  assertEquals(await lab.call(client, 99), "handler2-99");
  assertLess(lab.simulation.nowMs - startedMs, 30);
  assertEquals(await Promise.all(lost), new Array(20).fill(null));
  assertEquals(lab.handled, 1, "what was sent while the link was disabled was not executed");
});

labTest("TestKilled", async (lab, client) => {
  const { simulation } = lab;
  let endedMs = 0;
  const call = lab.call(client, "99", 60_000).then((reply) => {
    endedMs = simulation.nowMs;
    return reply;
  });
  await simulation.sleep(1_000);
  assertEquals([lab.handled, endedMs], [1, 0]);
  const killedMs = simulation.nowMs;
  simulation.process("server").kill();
  assertEquals(await call, null);
  assertLess(endedMs - killedMs, 100);
}, () => {/* It would take 20 seconds, and is killed before. */});

labTest("TestShutdownServer", async (lab, client) => {
  assertEquals(await lab.call(client, 1), "handler2-1");
  lab.simulation.process("server").kill();
  assertEquals(await lab.call(client, 2), null);
  await lab.serve(echo);
  assertEquals(await lab.call(await lab.connect(), 3), "handler2-3");
  assertEquals(client.isOpen, false);
});

labTest("TestLongDelayRace", async (lab) => {
  // Replies that are still on their way for seconds race with the server's death and return. None may reach a call that
  // its own life of the server has not handled, and every call ends once.
  const { simulation } = lab;
  simulation.network.setFaults(mergeFaults(courseUnreliable, courseLongReordering));
  let ends = 0, successes = 0;
  for (let life = 1; life <= 10; life++) {
    if (life > 1) await lab.serve((request, respond) => respond(`${life}-${request}`));
    const client = await lab.connect();
    const calls = Array.from({ length: 20 }, (_, index) =>
      lab.call(client, index).then((reply) => {
        ends++;
        if (reply === null) return;
        successes++;
        assertEquals(reply, life === 1 ? `handler2-${index}` : `${life}-${index}`);
      }));
    await simulation.sleep(700);
    simulation.process("server").kill();
    await Promise.all(calls);
  }
  assertEquals(ends, 200);
  assert(successes > 20 && successes < 180, `${successes} of 200 calls succeeded`);
});

Deno.test("TestBenchmark", async () => {
  const lab = new Lab("TestBenchmark");
  using simulation = lab.simulation;
  const count = 100_000;
  const startedMs = performance.now();
  await simulation.run(async () => {
    await lab.serve(echo);
    const client = await lab.connect();
    for (let index = 0; index < count; index++) assertEquals(await lab.call(client, index), `handler2-${index}`);
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  console.log(`${count} RPCs in ${seconds.toFixed(2)} s, ${(seconds * 1e6 / count).toFixed(1)} µs each`);
  assertGreater(lab.handled, count - 1);
  // 7 µs each on an idle machine; the bound leaves room for a busy one.
  assertLess(seconds, 30);
});
