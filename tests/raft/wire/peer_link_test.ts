/** The way to one peer, with the test as the network and the clock. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Message } from "../../../raft/core/message.ts";
import { type WireLimits, wireLimits } from "../../../raft/wire/limits.ts";
import { decodeHello, encodeHelloReply } from "../../../raft/wire/hello.ts";
import { decodeMessage } from "../../../raft/wire/message_codec.ts";
import { PeerLink } from "../../../raft/wire/peer_link.ts";
import { ManualClock } from "./manual_clock.ts";
import { microtasks, ScriptedNetwork, type ScriptedSocket } from "./scripted_network.ts";

/** The n-th message from n1 to n2. */
function messageNumber(n: number): Message {
  return { type: "TimeoutNow", from: "n1", to: "n2", term: n };
}

/** A link from n1 to n2. */
class Fixture {
  readonly clock = new ManualClock();
  readonly network = new ScriptedNetwork();
  readonly problems: string[] = [];
  random = 1;
  readonly link: PeerLink;

  constructor(limits: Partial<WireLimits> = {}) {
    this.link = new PeerLink({
      id: "n1",
      peerId: "n2",
      address: "b:2",
      clusterId: "c",
      network: this.network,
      clock: this.clock,
      random: { next: () => this.random },
      limits: { ...wireLimits, ...limits },
      onProblem: (problem) => this.problems.push(problem),
    });
  }

  /** Sends the n-th message. */
  send(n: number): void {
    this.link.send(messageNumber(n));
  }

  /** Lets the latest dial succeed, handshake and all. */
  async connect(): Promise<ScriptedSocket> {
    const socket = this.network.dials.at(-1)?.succeed();
    assert(socket !== undefined);
    await microtasks();
    socket.receive(encodeHelloReply({ clusterId: "c", nodeId: "n2", errorCode: "", message: "" }));
    await microtasks();
    return socket;
  }

  /** Lets the latest dial fail. */
  async fail(reason = "nobody there"): Promise<void> {
    this.network.dials.at(-1)?.fail(reason);
    await microtasks();
  }
}

/** The terms of the messages behind the hello. */
function termsSent(socket: ScriptedSocket): number[] {
  return socket.written.slice(1).map((frame) => decodeMessage(frame.subarray(4))?.term ?? -1);
}

Deno.test("peer link: dials when there is something to say, and says it in order", async () => {
  const fixture = new Fixture();
  assertEquals(fixture.network.dials.length, 0);
  for (const n of [1, 2, 3]) fixture.send(n);
  assertEquals(fixture.network.dials.map(({ address }) => address), ["b:2"]);
  assert(!fixture.link.isConnected);
  assert(fixture.link.queuedBytes > 0);
  const socket = await fixture.connect();
  assert(fixture.link.isConnected);
  fixture.send(4);
  assertEquals(termsSent(socket), [1, 2, 3, 4]);
  const hello = decodeHello(socket.written[0]?.subarray(4) ?? new Uint8Array(0));
  assertEquals(hello, {
    kind: "ok",
    hello: { clusterId: "c", role: "peer", nodeId: "n1", targetNodeId: "n2" },
  });
  fixture.link.stop();
});

Deno.test("peer link: while dialling the oldest messages make room", async () => {
  const fixture = new Fixture({ maxQueuedPeerMessages: 3 });
  for (const n of [1, 2, 3, 4, 5]) fixture.send(n);
  assertEquals(termsSent(await fixture.connect()), [3, 4, 5]);
  fixture.link.stop();
});

Deno.test("peer link: while dialling bytes count too", async () => {
  const fixture = new Fixture({ maxQueuedPeerBytes: 40 });
  for (const n of [1, 2, 3, 4, 5]) fixture.send(n);
  assert(fixture.link.queuedBytes <= 40);
  assertEquals(termsSent(await fixture.connect()), [4, 5]);
  fixture.link.stop();
});

Deno.test("peer link: once connected new messages are dropped when too much is queued", async () => {
  const fixture = new Fixture({ maxQueuedPeerBytes: 1_000 });
  fixture.send(1);
  const socket = await fixture.connect();
  socket.queuedBytes = 990;
  fixture.send(2);
  socket.queuedBytes = 900;
  fixture.send(3);
  assertEquals(termsSent(socket), [1, 3]);
  fixture.link.stop();
});

Deno.test("peer link: a message longer than a frame may be is dropped and reported", async () => {
  const fixture = new Fixture({ maxPeerFrameBytes: 20 });
  fixture.send(1);
  const socket = await fixture.connect();
  fixture.link.send({ type: "TimeoutNow", from: "n1", to: "n2".repeat(20), term: 2 });
  fixture.send(3);
  assertEquals(termsSent(socket), [1, 3]);
  assertMatch(
    fixture.problems[0] ?? "",
    /^Cannot send to peer n2: dropped a TimeoutNow of \d+ bytes: 20 is the limit$/,
  );
  fixture.link.stop();
});

Deno.test("peer link: pauses double up to a second, and what is said meanwhile is lost", async () => {
  const fixture = new Fixture();
  for (const [at, pauseMs] of [50, 100, 200, 400, 800, 1_000, 1_000].entries()) {
    fixture.send(at);
    assertEquals(fixture.network.dials.length, at + 1);
    await fixture.fail();
    fixture.clock.advance(pauseMs - 1);
    fixture.send(100);
    assertEquals(fixture.network.dials.length, at + 1, `dialled before ${pauseMs} ms`);
    assertEquals(fixture.link.queuedBytes, 0);
    fixture.clock.advance(1);
  }
  fixture.send(7);
  assertEquals(termsSent(await fixture.connect()), [7]);
  fixture.link.stop();
});

Deno.test("peer link: the pause is drawn from the upper half", async () => {
  const fixture = new Fixture();
  fixture.random = 0;
  fixture.send(1);
  await fixture.fail();
  fixture.clock.advance(24);
  fixture.send(2);
  assertEquals(fixture.network.dials.length, 1);
  fixture.clock.advance(1);
  fixture.send(3);
  assertEquals(fixture.network.dials.length, 2);
  fixture.link.stop();
});

Deno.test("peer link: an attempt that gets no answer is begun anew when the peer comes to us", async () => {
  const fixture = new Fixture();
  fixture.send(1);
  fixture.clock.advance(200);
  fixture.link.noteAlive();
  assertEquals(fixture.network.dials.length, 1, "the attempt is young");
  fixture.clock.advance(1);
  fixture.link.noteAlive();
  fixture.send(2);
  await microtasks();
  assertEquals(fixture.network.dials.map(({ isAborted }) => isAborted), [true, false]);
  assertEquals(fixture.problems, []);
  assertEquals(termsSent(await fixture.connect()), [1, 2], "what waited goes out on the new connection");
  fixture.link.stop();
  await microtasks();
  assertEquals(fixture.clock.pendingTimers, 0);
});

Deno.test("peer link: attempts that need longer than the peer takes to come are not begun anew for ever", async () => {
  const fixture = new Fixture();
  fixture.send(1);
  /** How long an attempt lasts at the least before it is begun anew. */
  const patienceMs = async (): Promise<number> => {
    const { length } = fixture.network.dials;
    for (let waitedMs = 0;; waitedMs += 100) {
      fixture.link.noteAlive();
      await microtasks();
      if (fixture.network.dials.length > length) return waitedMs;
      fixture.clock.advance(100);
    }
  };
  assertEquals([await patienceMs(), await patienceMs(), await patienceMs()], [300, 500, 900]);
  const socket = await fixture.connect();
  socket.hangUp();
  await microtasks();
  fixture.link.noteAlive();
  assertEquals(await patienceMs(), 300, "what was once connected is begun anew as soon as ever");
  fixture.link.stop();
});

Deno.test("peer link: an attempt begun anew within its handshake ends without a trace", async () => {
  const fixture = new Fixture();
  fixture.send(1);
  const silent = fixture.network.dials[0]?.succeed();
  await microtasks();
  fixture.clock.advance(201);
  fixture.link.noteAlive();
  await microtasks();
  assert(silent?.closeReason !== null, "the silent connection is closed");
  assertEquals([fixture.network.dials.length, fixture.problems.length], [2, 0]);
  assertEquals(termsSent(await fixture.connect()), [1]);
  assert(fixture.link.isConnected);
  fixture.link.stop();
});

Deno.test("peer link: a peer that comes to us is dialled at once", async () => {
  const fixture = new Fixture();
  fixture.link.noteAlive();
  assertEquals(fixture.network.dials.length, 0, "there was nothing to say");
  fixture.send(1);
  await fixture.fail();
  fixture.link.noteAlive();
  assertEquals(fixture.network.dials.length, 2);
  fixture.link.noteAlive();
  assertEquals(fixture.network.dials.length, 2);
  fixture.send(2);
  assertEquals(termsSent(await fixture.connect()), [2]);
  fixture.link.stop();
  assertEquals(fixture.clock.pendingTimers, 0);
});

Deno.test("peer link: each obstacle is reported once", async () => {
  const fixture = new Fixture();
  for (const reason of ["nobody there", "nobody there", "no route", "no route"]) {
    fixture.send(1);
    await fixture.fail(reason);
    fixture.clock.advance(2_000);
  }
  const expected = ["nobody there", "no route"].map((reason) => `Cannot send to peer n2: ${reason}`);
  assertEquals(fixture.problems, expected);
  assertEquals(fixture.link.problem, "no route");
  fixture.send(1);
  await fixture.connect();
  assertEquals(fixture.link.problem, "");
  fixture.link.stop();
});

Deno.test("peer link: a peer that accepts and hangs up is not dialled in a tight loop", async () => {
  const fixture = new Fixture();
  for (let attempt = 1; attempt <= 4; attempt++) {
    fixture.send(attempt);
    assertEquals(fixture.network.dials.length, attempt);
    (await fixture.connect()).hangUp();
    await microtasks();
    const pauseMs = 50 * 2 ** (attempt - 1);
    fixture.clock.advance(pauseMs - 1);
    fixture.send(99);
    assertEquals(fixture.network.dials.length, attempt);
    fixture.clock.advance(1);
  }
  fixture.link.stop();
});

Deno.test("peer link: after a connection that lasted, the pause is short again", async () => {
  const fixture = new Fixture();
  for (let attempt = 0; attempt < 6; attempt++) {
    fixture.send(1);
    await fixture.fail();
    fixture.clock.advance(1_000);
  }
  fixture.send(1);
  const socket = await fixture.connect();
  fixture.clock.advance(1_400);
  socket.hangUp();
  await microtasks();
  const { length } = fixture.network.dials;
  fixture.clock.advance(50);
  fixture.send(2);
  assertEquals(fixture.network.dials.length, length + 1);
  fixture.link.stop();
});

Deno.test("peer link: somebody else at the peer's address is left alone", async () => {
  const replies = [
    { clusterId: "c", nodeId: "n3", errorCode: "", message: "" },
    { clusterId: "d", nodeId: "n2", errorCode: "", message: "" },
    { clusterId: "c", nodeId: "n2", errorCode: "unknownPeer", message: "who are you?" },
  ];
  const reasons = ["is node n3, not n2", 'belongs to cluster "d", not "c"', "refused: who are you?"];
  for (const [at, reply] of replies.entries()) {
    const fixture = new Fixture();
    fixture.send(1);
    const socket = fixture.network.dials[0]?.succeed();
    await microtasks();
    socket?.receive(encodeHelloReply(reply));
    await microtasks();
    assert(!fixture.link.isConnected);
    assertEquals(socket?.written.length, 1, "no message may reach a stranger");
    assert(socket?.closeReason !== null);
    assert(fixture.link.problem.endsWith(reasons[at] ?? "?"), fixture.link.problem);
    fixture.link.stop();
  }
});

Deno.test("peer link: a peer may only send pings there", async () => {
  const fixture = new Fixture();
  fixture.send(1);
  const socket = await fixture.connect();
  socket.receive(Uint8Array.fromHex("0000000180"));
  assertEquals(socket.closeReason, null);
  socket.receive(Uint8Array.fromHex("00000001f6"));
  assertMatch(socket.closeReason ?? "", /n2 sent a frame on a connection that only this node may send on/);
  fixture.link.stop();
});

Deno.test("peer link: stops in every state, and dials no more", async () => {
  const dialling = new Fixture();
  dialling.send(1);
  dialling.link.stop();
  assert(dialling.network.dials[0]?.isAborted);

  const open = new Fixture();
  open.send(1);
  const socket = await open.connect();
  open.link.stop();
  assertEquals(socket.closeReason, "the node stops");

  const waiting = new Fixture();
  waiting.send(1);
  await waiting.fail();
  waiting.link.stop();

  const late = new Fixture();
  late.send(1);
  late.link.stop();
  late.network.dials[0]?.succeed();

  await microtasks();
  for (const { link, network, clock } of [dialling, open, waiting, late]) {
    link.send(messageNumber(2));
    link.noteAlive();
    assertEquals(network.dials.length, 1);
    assertEquals(clock.pendingTimers, 0);
  }
});
