/** Requests and replies: their exact bytes, calls over live sockets, and the three fates of a call. */
import { crc32 } from "node:zlib";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { type CborValue, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { realClock } from "../../../raft/node/clock.ts";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import { encodeHelloReply } from "../../../raft/wire/hello.ts";
import { RpcClient, RpcConnectError, type RpcOutcome } from "../../../raft/wire/rpc.ts";
import { decodeCall, encodeCall, readAnyBody } from "../../../raft/wire/rpc_codec.ts";
import { callOnce, EchoServer } from "./echo_server.ts";
import { ManualClock } from "./manual_clock.ts";
import { microtasks, ScriptedNetwork, type ScriptedSocket } from "./scripted_network.ts";
import { until } from "./until.ts";

const options = { clock: realClock, timeoutMs: 5_000 };

Deno.test("rpc codec: the bytes are those of the format", () => {
  const frame = encodeCall(300, ["get", "color"]);
  assertEquals(frame.subarray(0, 4).toHex(), `000000${(frame.length - 4).toString(16).padStart(2, "0")}`);
  const head = `8319012c${encodeCbor(["get", "color"]).toHex()}`;
  const checksum = encodeCbor(crc32(Uint8Array.fromHex(head))).toHex();
  assertEquals(frame.subarray(4).toHex(), head + checksum);
});

Deno.test("rpc codec: byte strings are copied from items that will not last", () => {
  const item = encodeCall(1, Uint8Array.of(1, 2)).subarray(4);
  const kept = decodeCall(item, true, readAnyBody).body;
  const copied = decodeCall(item, false, readAnyBody).body;
  assert(kept instanceof Uint8Array && copied instanceof Uint8Array);
  assertStrictEquals(kept.buffer, item.buffer);
  item.fill(0);
  assertEquals(copied, Uint8Array.of(1, 2));
});

Deno.test("rpc: values of every kind and size come back", async () => {
  await using server = await EchoServer.start();
  const bodies: CborValue[] = [
    null,
    7,
    "\u6c34",
    [],
    ["put", "k", "v"],
    new Uint8Array(100_000).fill(9),
    "x".repeat(1_000_000),
  ];
  for (const body of bodies) assertEquals(await callOnce(server.client, body), { kind: "reply", body });
  assertEquals(server.client.serverId, "n1");
  assertEquals(server.client.clusterId, "balsa");
});

Deno.test("rpc: many calls at a time, answered in any order, each get their own reply", async () => {
  const waiting: (() => void)[] = [];
  await using server = await EchoServer.start({
    handler: (request, respond) => {
      waiting.push(() => respond(request));
      if (waiting.length === 100) { for (const answer of waiting.splice(0).reverse()) answer(); }
    },
  });
  const outcomes = await Promise.all(Array.from({ length: 1_000 }, (_, at) => callOnce(server.client, at)));
  assertEquals(outcomes, Array.from({ length: 1_000 }, (_, at) => ({ kind: "reply", body: at })));
  assertEquals(server.client.pendingCalls, 0);
});

Deno.test("rpc: answering twice, or after the client has gone, does nothing", async () => {
  const answers: ((reply: CborValue) => void)[] = [];
  await using server = await EchoServer.start({
    handler: (request, respond) => {
      answers.push(respond);
      if (request === "twice") {
        respond(1);
        respond(2);
      }
    },
  });
  assertEquals(await callOnce(server.client, "twice"), { kind: "reply", body: 1 });
  const other = await RpcClient.connect(new DenoNetwork(), server.listener.address, options);
  const outcome = callOnce(other, "never");
  await until(() => answers.length === 2);
  other.close();
  assertEquals((await outcome).kind, "lost");
  await until(() => server.listener.connectionCount === 1);
  for (const answer of answers) answer(3);
  assertEquals(await callOnce(server.client, "twice"), { kind: "reply", body: 1 });
});

Deno.test("rpc: a call given up is not told, and its late reply harms nothing", async () => {
  let answer = (_reply: CborValue): void => {};
  await using server = await EchoServer.start({
    handler: (request, respond) => {
      if (request === "slow") answer = respond;
      else respond(request);
    },
  });
  let isTold = false;
  const giveUp = server.client.call("slow", () => isTold = true);
  await server.expectHonestService();
  giveUp();
  assertEquals(server.client.pendingCalls, 0);
  answer("late");
  await server.expectHonestService();
  assert(!isTold);
});

Deno.test("rpc: a request that cannot be sent was not sent", async () => {
  await using server = await EchoServer.start();
  const { client } = server;
  const outcomes: RpcOutcome[] = [];
  client.call("x".repeat(1.5 * 2 ** 20), (outcome) => outcomes.push(outcome));
  client.call("\ud800", (outcome) => outcomes.push(outcome));
  assertEquals(outcomes, [], "told before call() has returned");
  client.call("\ud800", () => outcomes.push({ kind: "notSent", reason: "told after it was given up" }))();
  await server.expectHonestService();
  client.close("bored");
  client.call("after the end", (outcome) => outcomes.push(outcome));
  await microtasks();
  assertEquals(outcomes.map(({ kind }) => kind), ["notSent", "notSent", "notSent"]);
  const reasons = outcomes.map((outcome) => outcome.kind === "notSent" ? outcome.reason : "");
  assertMatch(reasons[0] ?? "", /a request of 15728\d\d bytes: 1572864 is the limit/);
  assertMatch(reasons[1] ?? "", /lone surrogate/);
  assertMatch(reasons[2] ?? "", /^the connection to n1 has ended: bored$/);
});

Deno.test("rpc: when the server goes, calls are lost, and then the end is told", async () => {
  await using server = await EchoServer.start({ handler: () => {} });
  const log: string[] = [];
  const onClosed = (): number => log.push("closed");
  const client = await RpcClient.connect(new DenoNetwork(), server.listener.address, { ...options, onClosed });
  for (const name of ["a", "b"]) client.call(name, ({ kind }) => log.push(`${name} ${kind}`));
  await until(() => client.isOpen && client.pendingCalls === 2);
  server.listener.close();
  await until(() => log.length === 3);
  assertEquals(log, ["a lost", "b lost", "closed"]);
  assert(!client.isOpen);
});

Deno.test("rpc: connecting to nobody, or to the wrong cluster, says which", async () => {
  await using server = await EchoServer.start();
  const network = new DenoNetwork();
  const { address } = server.listener;
  const wrong = await assertRejects(
    () => RpcClient.connect(network, address, { ...options, clusterId: "other" }),
    RpcConnectError,
    'this is cluster "balsa", not "other"',
  );
  assertEquals(wrong.kind, "refused");
  const right = await RpcClient.connect(network, address, { ...options, clusterId: "balsa" });
  right.close();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nobody = `127.0.0.2:${taken.addr.port}`;
  const dead = await assertRejects(
    () => RpcClient.connect(network, nobody, options),
    RpcConnectError,
    "nobody listens",
  );
  assertEquals(dead.kind, "unreachable");
});

Deno.test("rpc: connecting gives up when nobody answers in time, or when it is aborted", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${silent.addr.port}`;
  const clock = new ManualClock();
  const attempt = RpcClient.connect(new DenoNetwork(), address, { clock, timeoutMs: 700 });
  const accepted = await silent.accept();
  const hello = new Uint8Array(100);
  assert((await accepted.read(hello) ?? 0) > 0);
  clock.advance(699);
  clock.advance(1);
  const error = await assertRejects(() => attempt, RpcConnectError, "no answer within 700 ms");
  assertEquals(error.kind, "unreachable");
  accepted.close();

  const controller = new AbortController();
  const reason = new Error("never mind");
  const aborted = RpcClient.connect(new DenoNetwork(), address, { clock, timeoutMs: 700, signal: controller.signal });
  const again = await silent.accept();
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => aborted), reason);
  again.close();
  assertEquals(clock.pendingTimers, 0);
});

/** A client whose server is the test. */
async function scriptedClient(): Promise<{ client: RpcClient; socket: ScriptedSocket }> {
  const network = new ScriptedNetwork();
  const attempt = RpcClient.connect(network, "n1:1", { clock: new ManualClock(), timeoutMs: 1_000 });
  const socket = network.dials[0]?.succeed();
  assert(socket !== undefined);
  await microtasks();
  socket.receive(encodeHelloReply({ clusterId: "c", nodeId: "n1", errorCode: "", message: "" }));
  return { client: await attempt, socket };
}

Deno.test("rpc: a server that answers what was never asked is left", async () => {
  const { client, socket } = await scriptedClient();
  const outcome = callOnce(client, "x");
  socket.receive(encodeCall(2, "y"));
  assertEquals(socket.closeReason, "n1 replied to request 2, which was never sent");
  assertEquals((await outcome).kind, "lost");
});

Deno.test("rpc: a server that answers twice is heard once", async () => {
  const { client, socket } = await scriptedClient();
  const outcome = callOnce(client, "x");
  socket.receive(encodeCall(1, "y"));
  socket.receive(encodeCall(1, "z"));
  assertEquals(await outcome, { kind: "reply", body: "y" });
  assert(client.isOpen);
});

Deno.test("rpc: a reply that is damaged or longer than any may be ends the connection", async () => {
  for (const hex of ["0000000483010200", "00800001"]) {
    const { client, socket } = await scriptedClient();
    socket.receive(Uint8Array.fromHex(hex));
    assert(!client.isOpen);
    assertMatch(socket.closeReason ?? "", /checksum is wrong|8388609 bytes/);
  }
});
