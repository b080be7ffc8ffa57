/** Messages between nodes over live sockets. */
import { assert, assertEquals } from "@std/assert";
import type { PeerMessage } from "../../../raft/core/message.ts";
import { realClock } from "../../../raft/node/clock.ts";
import { realRandom } from "../../../raft/node/random.ts";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import { encodeFrame } from "../../../raft/wire/frame.ts";
import { encodeHello } from "../../../raft/wire/hello.ts";
import type { WireLimits } from "../../../raft/wire/limits.ts";
import { WireListener } from "../../../raft/wire/listener.ts";
import { encodeMessageFrame } from "../../../raft/wire/message_codec.ts";
import { TcpTransport } from "../../../raft/wire/tcp_transport.ts";
import { readToEnd } from "./echo_server.ts";
import { until } from "./until.ts";

/** A node that only talks. */
class TalkingNode implements AsyncDisposable {
  readonly transport: TcpTransport;
  readonly received: PeerMessage[] = [];
  readonly problems: string[] = [];
  readonly id: string;
  #listener: WireListener | null = null;

  constructor(id: string, limits: Partial<WireLimits> = {}) {
    this.id = id;
    this.transport = new TcpTransport({
      id,
      clusterId: "balsa",
      peers: {},
      network: new DenoNetwork(),
      clock: realClock,
      random: realRandom,
      limits,
      onProblem: (problem) => this.problems.push(problem),
    });
    this.transport.start((message) => this.received.push(message));
  }

  /** Opens the port. */
  async listen(address = "127.0.0.1:0"): Promise<string> {
    this.#listener = await WireListener.listen(new DenoNetwork(), address, {
      clusterId: "balsa",
      nodeId: this.id,
      clock: realClock,
      isPeer: (id) => this.transport.isPeer(id),
      onPeer: (connection, id) => this.transport.accept(connection, id),
      onClient: ({ connection }) => connection.close("no clients here"),
    });
    return this.#listener.address;
  }

  /** Sends a message of this term. */
  say(to: string, term: number): void {
    this.transport.send({ type: "TimeoutNow", from: this.id, to, term });
  }

  /** The terms that have arrived. */
  get terms(): number[] {
    return this.received.map(({ term }) => term);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener?.close();
    await this.transport[Symbol.asyncDispose]();
    await until(() => this.#listener?.connectionCount === 0);
  }
}

/** Nodes that know each other. */
async function pair(): Promise<{ a: TalkingNode; b: TalkingNode; addressOfB: string }> {
  const a = new TalkingNode("a");
  const b = new TalkingNode("b");
  const addressOfB = await b.listen();
  b.transport.setPeer("a", await a.listen());
  a.transport.setPeer("b", addressOfB);
  return { a, b, addressOfB };
}

Deno.test("tcp transport: messages arrive both ways, in order, as they were sent", async () => {
  const { a, b } = await pair();
  await using _a = a;
  await using _b = b;
  for (let term = 1; term <= 1_000; term++) {
    a.say("b", term);
    b.say("a", term);
  }
  await until(() => a.received.length === 1_000 && b.received.length === 1_000);
  assertEquals(b.terms, Array.from({ length: 1_000 }, (_, at) => at + 1));
  const data = new Uint8Array(900_000).fill(7);
  const large: PeerMessage = {
    type: "AppendEntries",
    from: "a",
    to: "b",
    term: 9,
    prevLog: { index: 0, term: 0 },
    entries: [1, 2, 3].map((index) => ({ kind: "command", index, term: 9, clusterTimeMs: 5, data })),
    leaderCommit: 0,
    readRound: 1,
  };
  b.received.length = 0;
  a.transport.send(large);
  a.say("b", 10);
  await until(() => b.received.length === 2);
  assertEquals(b.received[0], large);
});

Deno.test("tcp transport: entries received in one chunk are not overwritten by the next", async () => {
  const { a, b } = await pair();
  await using _a = a;
  await using _b = b;
  for (let index = 1; index <= 200; index++) {
    a.transport.send({
      type: "AppendEntries",
      from: "a",
      to: "b",
      term: 1,
      prevLog: { index: index - 1, term: 1 },
      entries: [{ kind: "command", index, term: 1, clusterTimeMs: 0, data: new Uint8Array(3_000).fill(index) }],
      leaderCommit: 0,
      readRound: 0,
    });
    if (index % 7 === 0) await until(() => b.received.length >= index - 3);
  }
  await until(() => b.received.length === 200);
  for (const message of b.received) {
    assert(message.type === "AppendEntries" && message.entries[0]?.kind === "command");
    const { index, data } = message.entries[0];
    assert(data.every((byte) => byte === index), `entry ${index} is damaged`);
  }
});

Deno.test("tcp transport: nobody, itself and strangers are sent nothing", async () => {
  const { a, b } = await pair();
  await using _a = a;
  await using _b = b;
  a.say("nobody", 1);
  a.say("a", 2);
  a.say("b", 3);
  await until(() => b.received.length === 1);
  assertEquals(a.terms, []);
});

Deno.test("tcp transport: finds a peer that starts later, or again, on the same port", async () => {
  const { a, b, addressOfB } = await pair();
  await using _a = a;
  a.say("b", 1);
  await until(() => b.received.length === 1);
  assert(a.transport.peerStatus()[0]?.isConnected);
  await b[Symbol.asyncDispose]();
  await until(() => a.transport.peerStatus()[0]?.isConnected === false);

  await using again = new TalkingNode("b");
  again.transport.setPeer("a", "127.0.0.1:1");
  await again.listen(addressOfB);
  let term = 1;
  await until(() => {
    a.say("b", ++term);
    return again.received.length > 0;
  });
  const status = a.transport.peerStatus();
  assertEquals(status.map(({ id, address, isConnected, problem }) => ({ id, address, isConnected, problem })), [
    { id: "b", address: addressOfB, isConnected: true, problem: "" },
  ]);
});

/** Speaks to a node as peer "a", byte by byte. */
async function connectAsA(address: string): Promise<Deno.TcpConn> {
  const raw = await Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) });
  await raw.write(encodeHello({ clusterId: "balsa", role: "peer", nodeId: "a", targetNodeId: "b" }));
  const reply = new Uint8Array(200);
  assert((await raw.read(reply) ?? 0) > 0);
  return raw;
}

Deno.test("tcp transport: who speaks for another, to another or in riddles is cut off; the honest one is heard", async () => {
  const { a, b, addressOfB } = await pair();
  await using _a = a;
  await using _b = b;
  const riddles = [
    encodeMessageFrame({ type: "TimeoutNow", from: "c", to: "b", term: 7 }),
    encodeMessageFrame({ type: "TimeoutNow", from: "a", to: "c", term: 7 }),
    encodeFrame(Uint8Array.of(0xf6)),
    Uint8Array.fromHex("00000000"),
  ];
  for (const riddle of riddles) {
    const raw = await connectAsA(addressOfB);
    await raw.write(riddle);
    assertEquals(await readToEnd(raw), new Uint8Array(0));
    raw.close();
  }
  assertEquals(b.terms, []);
  a.say("b", 8);
  await until(() => b.received.length === 1);
  assertEquals(b.terms, [8]);
});

Deno.test("tcp transport: a newer connection from a peer replaces the older one", async () => {
  const { a, b, addressOfB } = await pair();
  await using _a = a;
  await using _b = b;
  const older = await connectAsA(addressOfB);
  const newer = await connectAsA(addressOfB);
  assertEquals(await readToEnd(older), new Uint8Array(0));
  await newer.write(encodeMessageFrame({ type: "TimeoutNow", from: "a", to: "b", term: 5 }));
  await until(() => b.received.length === 1);
  assertEquals(b.problems, [], "the end of the older one is nothing to report");
  for (const raw of [older, newer]) raw.close();
});

Deno.test("tcp transport: a peer's new address is dialled, its old one no more", async () => {
  const { a, b, addressOfB } = await pair();
  await using _a = a;
  await using _b = b;
  a.transport.setPeer("b", "127.0.0.1:1");
  a.say("b", 1);
  await until(() => a.problems.length > 0);
  a.transport.setPeer("b", addressOfB);
  a.say("b", 2);
  await until(() => b.received.length === 1);
  assertEquals(b.terms, [2]);
  a.transport.setPeer("b", "127.0.0.1:1");
  await until(() => b.problems.length === 1);
  assert(b.problems[0]?.startsWith("Lost the connection from peer a"));
});

Deno.test("tcp transport: a peer that shows up is answered at once, however long the pause was to be", async () => {
  const pauseMs = 3_600_000;
  await using a = new TalkingNode("a", { minReconnectMs: pauseMs, maxReconnectMs: pauseMs });
  await using b = new TalkingNode("b");
  b.transport.setPeer("a", await a.listen());
  const placeholder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addressOfB = `127.0.0.1:${placeholder.addr.port}`;
  placeholder.close();
  a.transport.setPeer("b", addressOfB);
  a.say("b", 1);
  await until(() => a.problems.length > 0);
  await b.listen(addressOfB);
  b.say("a", 2);
  await until(() => a.received.length === 1);
  await until(() => a.transport.peerStatus()[0]?.isConnected ?? false);
  a.say("b", 3);
  await until(() => b.received.length === 1);
  assertEquals(b.terms, [3]);
});

Deno.test("tcp transport: disposed it is silent and deaf", async () => {
  const { a, b } = await pair();
  await using _b = b;
  a.say("b", 1);
  await until(() => b.received.length === 1);
  await a[Symbol.asyncDispose]();
  a.say("b", 2);
  b.say("a", 3);
  await until(() => b.problems.length > 0);
  assertEquals(b.terms, [1]);
  assertEquals(a.terms, []);
});
