/**
 * The simulated network: the contract of all networks, and its faults.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeHello } from "../../raft/wire/hello.ts";
import type { Network, Socket } from "../../raft/wire/network.ts";
import {
  courseLongReordering,
  courseUnreliable,
  type FrameFaults,
  mergeFaults,
  type NetworkProfile,
  Simulation,
} from "../../raft/testing/mod.ts";
import { networkContract } from "../raft/wire/network_contract.ts";

function contractOn(name: string, profile: Partial<NetworkProfile>): void {
  networkContract(name, () => {
    const simulation = new Simulation({ seed: name, network: { framing: false, ...profile } });
    return {
      network: simulation.process("n1").start().network,
      listenAddress: "127.0.0.1:0",
      deadAddress: "127.0.0.1:1",
      until: (condition) => simulation.runUntil(condition, 60_000),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  });
}

contractOn("simulated network", {});
contractOn("simulated network (slow, in fragments)", {
  latency: { minMs: 1, maxMs: 200 },
  fragmentProbability: 0.5,
  socketBufferBytes: 1_000,
});

/** One end of a connection, with what happened to it. */
class End {
  /** The second field of each frame `[_, id]` that arrived. */
  readonly received: number[] = [];
  /** When each arrived. */
  readonly arrivals: number[] = [];
  /** All bytes that arrived. */
  readonly raw: number[] = [];
  closed: string | null = null;
  readonly socket: Socket;

  constructor(socket: Socket, now: () => number) {
    this.socket = socket;
    let pending: number[] = [];
    socket.start({
      data: (bytes) => {
        this.raw.push(...bytes);
        pending.push(...bytes);
        while (pending.length >= 4 && pending.length >= 4 + (pending[3] ?? 0)) {
          const frame = pending.slice(0, 4 + (pending[3] ?? 0));
          pending = pending.slice(frame.length);
          this.received.push(frame.at(-1) ?? -1);
          this.arrivals.push(now());
        }
      },
      closed: (reason) => this.closed = reason,
    });
  }
}

/** A frame of a client's connection: `[correlationId, 0]`. */
function callFrame(correlationId: number): Uint8Array {
  assert(correlationId < 24);
  return Uint8Array.of(0, 0, 0, 3, 0x82, correlationId, correlationId);
}

interface Pair {
  readonly simulation: Simulation;
  readonly near: End;
  readonly far: End;
  readonly a: Network;
}

/** A client's connection from machine a to machine b, past the handshake. */
async function connected(seed: number | string, profile: Partial<NetworkProfile> = {}): Promise<Pair> {
  const simulation = new Simulation({ seed, network: profile });
  const a = simulation.process("a").start().network;
  const b = simulation.process("b").start().network;
  const now = (): number => simulation.nowMs;
  const ends: End[] = [];
  const near = await simulation.run(async () => {
    await b.listen("b:1", (socket) => ends.push(new End(socket, now)));
    return new End(await a.connect("b:1"), now);
  });
  const far = ends[0];
  assert(far !== undefined);
  near.socket.write(encodeHello({ clusterId: "", role: "client", nodeId: "", targetNodeId: "" }));
  far.socket.write(Uint8Array.of(0, 0, 0, 1, 0x80));
  await simulation.runUntil(() => far.received.length === 1 && near.received.length === 1, 1_000);
  far.received.length = near.received.length = far.arrivals.length = 0;
  return { simulation, near, far, a };
}

/** Sends `count` requests, one a millisecond, with the faults; every one is answered as soon as it comes. */
async function exchange(seed: number, faults: FrameFaults, count = 20): Promise<Pair> {
  const pair = await connected(seed);
  const { simulation, near } = pair;
  simulation.network.setFaults(faults);
  await simulation.run(async () => {
    for (let id = 1; id <= count; id++) {
      near.socket.write(callFrame(id));
      await simulation.sleep(1);
    }
  });
  await simulation.runFor(5_000);
  return pair;
}

Deno.test("frames are dropped, duplicated, delayed and overtaken one by one, and the rest keeps its order", async () => {
  let dropped = 0, duplicated = 0, delayed = 0, reordered = 0;
  for (let seed = 0; seed < 30; seed++) {
    const { simulation, far } = await exchange(seed, {
      request: { drop: 0.1, duplicate: 0.1, delay: { probability: 0.2, minMs: 3, spreadMs: 10 } },
    });
    const { counters } = simulation.network;
    assertEquals(far.received.length, 20 - counters.dropped + counters.duplicated);
    assertEquals(new Set(far.received).size >= 20 - counters.dropped, true);
    dropped += counters.dropped;
    duplicated += counters.duplicated;
    delayed += counters.delayed;
    if (far.received.some((id, at) => id < (far.received[at - 1] ?? 0))) reordered++;
    assertEquals(counters.requests, 20);
    assertEquals(simulation.network.requestsTo("b"), 20);
  }
  assert(dropped > 30 && dropped < 90 && duplicated > 30 && delayed > 60 && reordered > 15);
});

Deno.test("without faults frames arrive in order, and what is written in a turn arrives together", async () => {
  const { simulation, near, far } = await connected(1);
  await simulation.run(async () => {
    for (let id = 1; id <= 20; id++) {
      near.socket.write(callFrame(id));
      if (id % 5 === 0) await simulation.sleep(0.01);
    }
    await simulation.sleep(10);
  });
  assertEquals(far.received, Array.from({ length: 20 }, (_, at) => at + 1));
  assertEquals(new Set(far.arrivals).size <= 4, true);
});

Deno.test("the course's unreliable network: requests wait 0 to 26 ms, one in ten requests and replies is lost", async () => {
  let requests = 0, replies = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { simulation, far, near } = await connected(seed);
    simulation.network.setFaults(courseUnreliable);
    const startedMs = simulation.nowMs;
    for (let id = 1; id <= 20; id++) near.socket.write(callFrame(id));
    await simulation.runFor(100);
    for (const ms of far.arrivals) assert(ms - startedMs < 28, `a request waited ${ms - startedMs} ms`);
    requests += far.received.length;
    for (const id of far.received) far.socket.write(callFrame(id));
    await simulation.runFor(100);
    replies += near.received.length;
  }
  assert(requests > 1_030 && requests < 1_130, `${requests} of 1200 requests arrived`);
  assert(replies > requests * 0.86 && replies < requests * 0.94, `${replies} of ${requests} replies arrived`);
});

Deno.test("the course's long reordering: two thirds of the replies come 200 to 2200 ms late", async () => {
  let late = 0, total = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { simulation, far, near } = await connected(seed);
    simulation.network.setFaults(mergeFaults(courseUnreliable, courseLongReordering));
    const startedMs = simulation.nowMs;
    for (let id = 1; id <= 20; id++) far.socket.write(callFrame(id));
    await simulation.runFor(3_000);
    for (const ms of near.arrivals) {
      if (ms === 0) continue;
      const waitedMs = ms - startedMs;
      assert(waitedMs < 1 || (waitedMs >= 200 && waitedMs < 2_202), `a reply waited ${waitedMs} ms`);
      if (waitedMs >= 200) late++;
      total++;
    }
  }
  assert(late / total > 0.6 && late / total < 0.73, `${late} of ${total} replies were late`);
});

Deno.test("a corrupt frame differs in one bit; a cut one breaks the connection after a part of it", async () => {
  let broken = 0;
  for (let seed = 0; seed < 20; seed++) {
    const { simulation, near, far } = await connected(seed);
    simulation.network.intercept((frame) =>
      frame.bytes[5] === 7 ? { kind: "cut" } : { kind: "deliver", extraDelayMs: 0, duplicate: false, corrupt: false }
    );
    for (let id = 1; id <= 10; id++) near.socket.write(callFrame(id));
    await simulation.runFor(100);
    assert(far.received.length <= 6 && simulation.network.counters.cut === 1);
    assert(near.closed !== null && far.closed !== null);
    broken++;
  }
  assertEquals(broken, 20);
  const { simulation, near, far } = await connected(3);
  simulation.network.setLinkFaults("a", "b", { request: { corrupt: 1 } });
  far.raw.length = 0;
  near.socket.write(callFrame(1));
  await simulation.runFor(100);
  const sent = callFrame(1);
  const flipped = far.raw.reduce(
    (bits, byte, at) => bits + ((byte ^ (sent[at] ?? 0)).toString(2).split("1").length - 1),
    0,
  );
  assertEquals([far.raw.length, flipped, simulation.network.counters.corrupted], [7, 1, 1]);
});

Deno.test("a link blocked one way loses in silence, and the other way goes on", async () => {
  const { simulation, near, far } = await connected(1);
  simulation.network.block("a", "b");
  near.socket.write(callFrame(1));
  far.socket.write(callFrame(2));
  await simulation.runFor(1_000);
  assertEquals([far.received, near.received], [[], [2]]);
  simulation.network.unblock("a", "b");
  near.socket.write(callFrame(3));
  await simulation.runFor(1_000);
  assertEquals([far.received, far.closed], [[3], null]);
  assertEquals(simulation.network.counters.blocked, 1);
});

Deno.test("a link that holds delivers everything in order once it is free, even what was under way", async () => {
  const { simulation, near, far } = await connected(1);
  near.socket.write(callFrame(1));
  simulation.network.disconnect("b", "hold");
  near.socket.write(callFrame(2));
  await simulation.runFor(1_000);
  near.socket.write(callFrame(3));
  near.socket.close("done", { flush: true });
  await simulation.runFor(1_000);
  assertEquals([far.received, far.closed], [[], null]);
  simulation.network.reconnect("b");
  await simulation.runFor(1_000);
  assertEquals(far.received, [1, 2, 3]);
  assert(far.closed !== null);
});

Deno.test("what is sent while held frames are released does not overtake them", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { simulation, near, far } = await connected(seed, { latency: { minMs: 1, maxMs: 100 } });
    simulation.network.disconnect("b", "hold");
    for (let id = 1; id <= 20; id++) {
      near.socket.write(callFrame(id));
      if (id === 15) simulation.network.reconnect("b");
      await simulation.runFor(10);
    }
    await simulation.runFor(1_000);
    assertEquals(far.received, Array.from({ length: 20 }, (_, at) => at + 1), `seed ${seed}`);
  }
});

Deno.test("a link that resets breaks connections and refuses new ones", async () => {
  const { simulation, near, far, a } = await connected(1);
  simulation.network.partition([["a"], ["b"]], "reset");
  await simulation.runFor(10);
  assert(near.closed?.includes("reset") && far.closed?.includes("reset"));
  await assertRejects(() => simulation.run(() => a.connect("b:1")), Error, "the link is cut");
  simulation.network.heal();
  await simulation.run(() => a.connect("b:1").then((socket) => socket.close("enough")));
});

Deno.test("connecting over a silent link goes on until it is free, is aborted or times out", async () => {
  const { simulation, a } = await connected(1, { connectTimeoutMs: 10_000 });
  simulation.network.disconnect("b");
  let socket: Socket | null = null;
  a.connect("b:1").then((made) => {
    made.start({ data: () => {}, closed: () => {} });
    socket = made;
  });
  await simulation.runFor(5_000);
  assertEquals(socket, null);
  simulation.network.reconnect("b");
  await simulation.runFor(3_000);
  assert(socket !== null);
  simulation.network.disconnect("b");
  const startedMs = simulation.nowMs;
  await assertRejects(() => simulation.run(() => a.connect("b:1")), Error, "no answer");
  assert(Math.abs(simulation.nowMs - startedMs - 10_000) < 10);
});

Deno.test("a partition splits only who is named in it, and a new one replaces it", async () => {
  const simulation = new Simulation({ seed: 1 });
  const names = ["n1", "n2", "n3", "client"];
  const networks = new Map(names.map((name) => [name, simulation.process(name).start().network]));
  await simulation.run(async () => {
    for (const [name, network] of networks) {
      await network.listen(`${name}:1`, (socket) => socket.start({ data: () => {}, closed: () => {} }));
    }
  });
  const reach = async (from: string): Promise<string> => {
    const reached: string[] = [];
    for (const to of names) {
      if (from === to) continue;
      const controller = new AbortController();
      simulation.clock.after(10, () => controller.abort(new Error("too slow")));
      const attempt = networks.get(from)?.connect(`${to}:1`, { signal: controller.signal });
      await attempt?.then((socket) => {
        socket.start({ data: () => {}, closed: () => {} });
        reached.push(to);
      }, () => {});
    }
    return reached.join();
  };
  simulation.network.partition([["n1"], ["n2", "n3"]]);
  assertEquals(await simulation.run(() => reach("n1")), "client");
  assertEquals(await simulation.run(() => reach("n2")), "n3,client");
  assertEquals(await simulation.run(() => reach("client")), "n1,n2,n3");
  simulation.network.partition([["n1", "n2"], ["n3"]]);
  assertEquals(await simulation.run(() => reach("n2")), "n1,client");
  simulation.network.heal();
  assertEquals(await simulation.run(() => reach("n3")), "n1,n2,client");
});

Deno.test("a killed process resets its connections; one without power falls silent until it is back", async () => {
  for (const kind of ["process", "power"] as const) {
    const { simulation, near, a } = await connected(1);
    simulation.process("b").kill({ kind });
    near.socket.write(callFrame(1));
    await simulation.runFor(5_000);
    assertEquals(near.closed !== null, kind === "process");
    const attempt = new AbortController();
    simulation.clock.after(50, () => attempt.abort(new Error("aborted")));
    const expected = kind === "process" ? "connection refused" : "aborted";
    await assertRejects(() => simulation.run(() => a.connect("b:1", { signal: attempt.signal })), Error, expected);
    simulation.process("b").start();
    near.socket.write(callFrame(2));
    await simulation.runFor(100);
    assert(near.closed !== null, "the machine is back and does not know the connection");
  }
});

Deno.test("nothing that a killed process does has an effect, and nothing it waits for comes", async () => {
  const { simulation, near, far, a } = await connected(1);
  let heard = false;
  a.connect("b:1").finally(() => heard = true);
  near.socket.write(callFrame(1));
  simulation.process("a").kill();
  near.socket.write(callFrame(2));
  near.socket.close("from the grave");
  a.connect("b:1").finally(() => heard = true);
  a.listen("a:1", () => {}).finally(() => heard = true);
  await simulation.runFor(1_000);
  assertEquals([heard, near.closed, far.received], [false, null, []]);
  assert(far.closed !== null);
  // The port that the dead asked for is free.
  const again = simulation.process("a").start().network;
  await simulation.run(() => again.listen("a:1", () => {}));
});

Deno.test("a connection attempt dies with its process", async () => {
  const simulation = new Simulation({ seed: 1 });
  const a = simulation.process("a").start().network;
  const b = simulation.process("b").start().network;
  let accepted = 0;
  await simulation.run(async () => {
    await b.listen("b:1", () => accepted++);
  });
  simulation.network.disconnect("b");
  a.connect("b:1");
  await simulation.runFor(100);
  simulation.process("a").kill();
  simulation.network.heal();
  await simulation.runFor(100_000);
  assertEquals(accepted, 0);
});

Deno.test("a partition blocks both directions of connections that exist", async () => {
  const { simulation, near, far } = await connected(1);
  simulation.network.partition([["a"], ["b"]]);
  near.socket.write(callFrame(1));
  far.socket.write(callFrame(2));
  await simulation.runFor(100);
  assertEquals([far.received, near.received], [[], []]);
});

Deno.test("a paused process receives in order when it is resumed; its kernel accepts connections meanwhile", async () => {
  const { simulation, near, far, a } = await connected(1);
  simulation.process("b").pause();
  near.socket.write(callFrame(1));
  await simulation.runFor(10);
  near.socket.write(callFrame(2));
  await simulation.run(() => a.connect("b:1").then((socket) => socket.start({ data: () => {}, closed: () => {} })));
  assertEquals(far.received, []);
  simulation.process("b").resume();
  await simulation.runFor(10);
  assertEquals(far.received, [1, 2]);
});

Deno.test("what nobody reads is queued and counted beyond the kernels' buffers", async () => {
  const { simulation, near, far } = await connected(1, { socketBufferBytes: 100 });
  far.socket.setPaused(true);
  for (let id = 1; id <= 20; id++) near.socket.write(callFrame(id));
  assertEquals(near.socket.queuedBytes, 140);
  await simulation.runFor(100);
  assertEquals(near.socket.queuedBytes, 40);
  far.socket.setPaused(false);
  await simulation.runFor(100);
  assertEquals([near.socket.queuedBytes, far.received.length], [0, 20]);
});

Deno.test("a receiver that keeps the view it was given finds it overwritten", async () => {
  const simulation = new Simulation({ seed: 1 });
  const { network } = simulation.process("a").start();
  let kept: Uint8Array = new Uint8Array(0);
  await simulation.run(async () => {
    await network.listen("a:1", (socket) =>
      socket.start({
        data: (bytes) => kept = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
        closed: () => {},
      }));
    const socket = await network.connect("a:1");
    socket.start({ data: () => {}, closed: () => {} });
    socket.write(callFrame(1));
    await simulation.sleep(10);
  });
  assertEquals([...new Set(kept)], [0xdb]);
});
