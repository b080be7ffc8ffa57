/**
 * Hostile clients on live sockets: each is disconnected, told why where that makes sense, and an honest client beside it
 * goes on being served.
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { type CborValue, encodeCbor } from "../../../raft/encoding/cbor.ts";
import { SeededRandom } from "../../../raft/testing/seeded_random.ts";
import { encodeFrame } from "../../../raft/wire/frame.ts";
import { decodeHelloReply, encodeHello } from "../../../raft/wire/hello.ts";
import { encodeMessageFrame } from "../../../raft/wire/message_codec.ts";
import { encodeCall } from "../../../raft/wire/rpc_codec.ts";
import { mutate, randomBytes } from "../encoding/random_values.ts";
import { EchoServer, readToEnd } from "./echo_server.ts";
import { ManualClock } from "./manual_clock.ts";
import { sampleMessages } from "./sample_messages.ts";
import { until } from "./until.ts";

const clientHello = encodeHello({ clusterId: "balsa", role: "client", nodeId: "", targetNodeId: "" });
const peerHello = encodeHello({ clusterId: "balsa", role: "peer", nodeId: "n2", targetNodeId: "n1" });

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function frameOf(value: CborValue): Uint8Array {
  return encodeFrame(encodeCbor(value));
}

/** Sends bytes, reads until the server hangs up, and returns what it said. */
async function attack(server: EchoServer, bytes: Uint8Array): Promise<Uint8Array> {
  const raw = await server.connectRaw();
  try {
    await raw.write(bytes);
    return await readToEnd(raw);
  } finally {
    raw.close();
  }
}

/** The error code in the one frame that was said; "none" when nothing was. */
function errorCodeIn(said: Uint8Array): string {
  if (said.length === 0) return "none";
  const answer = decodeHelloReply(said.subarray(4, 4 + new DataView(said.buffer).getUint32(0)));
  return answer.kind === "ok" ? answer.hello.errorCode : answer.kind;
}

const firstFrames: Record<string, [frame: Uint8Array, errorCode: string]> = {
  "another protocol": [new TextEncoder().encode("GET / HTTP/1.1\r\nHost: balsa\r\n\r\n"), "none"],
  "wrong magic": [frameOf(["salsa", 1, "balsa", "client", "", ""]), "none"],
  "no array": [frameOf("balsa"), "none"],
  "wrong version": [frameOf(["balsa", 2, "balsa", "client", "", "", "new"]), "version"],
  "wrong cluster": [encodeHello({ clusterId: "other", role: "client", nodeId: "", targetNodeId: "" }), "wrongCluster"],
  "wrong cluster of a peer": [
    encodeHello({ clusterId: "other", role: "peer", nodeId: "n2", targetNodeId: "n1" }),
    "wrongCluster",
  ],
  "wrong node": [encodeHello({ clusterId: "balsa", role: "peer", nodeId: "n2", targetNodeId: "n3" }), "wrongNode"],
  "unknown peer": [encodeHello({ clusterId: "balsa", role: "peer", nodeId: "n9", targetNodeId: "n1" }), "unknownPeer"],
  "the node's own name": [
    encodeHello({ clusterId: "balsa", role: "peer", nodeId: "n1", targetNodeId: "n1" }),
    "unknownPeer",
  ],
  "malformed hello": [frameOf(["balsa", 1, "balsa", "admin", "", ""]), "malformed"],
  "hostile CBOR in the hello": [encodeFrame(Uint8Array.fromHex("9affffffff")), "none"],
  "deep CBOR in the hello": [encodeFrame(new Uint8Array(4_000).fill(0x81)), "none"],
  "a request before the handshake": [encodeCall(1, ["get", "x"]), "none"],
  "length 0": [Uint8Array.fromHex("00000000"), "none"],
  "length of the limit + 1": [Uint8Array.fromHex("00001001"), "none"],
  "length 2^31": [Uint8Array.fromHex("80000000"), "none"],
  "length 2^32 - 1": [Uint8Array.fromHex("ffffffff"), "none"],
};

for (const [title, [frame, errorCode]] of Object.entries(firstFrames)) {
  Deno.test(`hostile first frame: ${title}`, async () => {
    await using server = await EchoServer.start();
    assertEquals(errorCodeIn(await attack(server, frame)), errorCode);
    await server.expectHonestService();
    assertEquals(server.problems.length, 1);
  });
}

const tail = Uint8Array.of(0);

const laterFrames: Record<string, Uint8Array> = {
  "an oversized request": concatenate(clientHello, Uint8Array.fromHex("00180001")),
  "an oversized message": concatenate(peerHello, Uint8Array.fromHex("00400001")),
  "a huge length": concatenate(clientHello, Uint8Array.fromHex("ffffffff"), new Uint8Array(1_000)),
  "length 0": concatenate(clientHello, Uint8Array.fromHex("00000000")),
  "no CBOR": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("ff"))),
  "bytes behind the item": concatenate(clientHello, encodeFrame(concatenate(encodeCall(1, 1).subarray(4), tail))),
  "several items in one frame": concatenate(
    clientHello,
    encodeFrame(concatenate(encodeCall(1, 1).subarray(4), encodeCall(2, 2).subarray(4))),
  ),
  "an array bomb": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("8301" + "9a00ffffff".repeat(8)))),
  "nesting": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("8301" + "81".repeat(100_000) + "00"))),
  "an indefinite length": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("8301" + "9f" + "ff" + "00"))),
  "a map with one key twice": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("8301a26161016161020000"))),
  "bad UTF-8": concatenate(clientHello, encodeFrame(Uint8Array.fromHex("830162c0af00"))),
  "a wrong checksum": concatenate(clientHello, encodeFrame(encodeCbor([1, "x", 12345]))),
  "a negative correlation id": concatenate(clientHello, frameOf([-1, "x", 0])),
  "a peer's message from a client": concatenate(
    clientHello,
    encodeMessageFrame({ type: "TimeoutNow", from: "n2", to: "n1", term: 7 }),
  ),
  "a second hello": concatenate(clientHello, clientHello),
  "a request from a peer": concatenate(peerHello, encodeCall(1, "x")),
  "another sender than the connection's": concatenate(
    peerHello,
    encodeMessageFrame({ type: "TimeoutNow", from: "n3", to: "n1", term: 7 }),
  ),
  "another receiver than the node": concatenate(
    peerHello,
    encodeMessageFrame({ type: "TimeoutNow", from: "n2", to: "n3", term: 7 }),
  ),
  "an exhausted term": concatenate(peerHello, frameOf([9, "n2", "n1", 2 ** 53 - 1, 0])),
};

for (const [title, bytes] of Object.entries(laterFrames)) {
  Deno.test(`hostile later frame: ${title}`, async () => {
    await using server = await EchoServer.start();
    const hello = bytes.subarray(0, 4 + new DataView(bytes.buffer).getUint32(0));
    const raw = await server.connectRaw();
    await raw.write(hello);
    const reply = new Uint8Array(100);
    const replyBytes = await raw.read(reply) ?? 0;
    assertEquals(errorCodeIn(reply.slice(0, replyBytes)), "");
    await raw.write(bytes.subarray(hello.length));
    assertEquals(await readToEnd(raw), new Uint8Array(0));
    raw.close();
    // And once more in one piece.
    await attack(server, bytes);
    await server.expectHonestService();
    await until(() => server.listener.connectionCount === 1);
  });
}

Deno.test("hostile: frames cut anywhere, then the end", async () => {
  await using server = await EchoServer.start();
  const whole = concatenate(clientHello, encodeCall(1, ["get", "x"]));
  for (let cut = 0; cut < whole.length; cut++) {
    const raw = await server.connectRaw();
    await raw.write(whole.subarray(0, cut));
    raw.close();
  }
  await until(() => server.listener.connectionCount === 1);
  await server.expectHonestService();
});

Deno.test("hostile: garbage, mutants of honest bytes, and honest bytes byte by byte", async () => {
  await using server = await EchoServer.start();
  const random = new SeededRandom("garbage");
  const honest = [concatenate(clientHello, encodeCall(1, ["put", "k", "v"]))];
  for (const [message] of sampleMessages) {
    honest.push(concatenate(peerHello, encodeMessageFrame({ ...message, from: "n2", to: "n1" })));
  }
  for (let round = 0; round < 200; round++) {
    const bytes = random.chance(0.2) ? randomBytes(random, 500) : mutate(random, random.pick(honest));
    const raw = await server.connectRaw();
    try {
      if (round % 10 === 0) { for (const byte of bytes) await raw.write(Uint8Array.of(byte)); }
      else await raw.write(bytes);
    } catch {
      // Disconnected already.
    }
    raw.close();
    if (round % 20 === 0) await server.expectHonestService();
  }
  await until(() => server.listener.connectionCount === 1);
  await server.expectHonestService();
});

Deno.test("hostile: whoever trickles or says nothing is disconnected after five seconds", async () => {
  const clock = new ManualClock();
  await using server = await EchoServer.start({ clock });
  const silent = await server.connectRaw();
  const trickling = await server.connectRaw();
  await until(() => server.listener.connectionCount === 3);
  for (let second = 0; second < 5; second++) {
    await trickling.write(clientHello.subarray(second, second + 1));
    await server.expectHonestService();
    assertEquals(server.listener.connectionCount, 3);
    clock.advance(1_000);
  }
  assertEquals(await readToEnd(silent), new Uint8Array(0));
  assertEquals(await readToEnd(trickling), new Uint8Array(0));
  await until(() => server.listener.connectionCount === 1);
  assert(server.problems.every((problem) => problem.endsWith("no handshake within 5000 ms")));
  await server.expectHonestService();
  for (const raw of [silent, trickling]) raw.close();
});

Deno.test("hostile: a thousand slow connections do not starve an honest one", async () => {
  await using server = await EchoServer.start();
  const slow = await Promise.all(Array.from({ length: 1_000 }, () => server.connectRaw()));
  for (const raw of slow) await raw.write(clientHello.subarray(0, 3));
  await until(() => server.listener.connectionCount === 1_001);
  const start = performance.now();
  for (let call = 0; call < 100; call++) await server.expectHonestService();
  // 100 round trips of some 50 µs, with all the room that a busy machine may need.
  assertLess(performance.now() - start, 5_000);
  for (const raw of slow) raw.close();
});

Deno.test("hostile: beyond the limit of connections newcomers are turned away, and come in again later", async () => {
  await using server = await EchoServer.start({ limits: { maxConnections: 3 } });
  const first = await server.connectRaw();
  const second = await server.connectRaw();
  await until(() => server.listener.connectionCount === 3);
  assertEquals(await attack(server, clientHello), new Uint8Array(0));
  assertStringIncludes(server.problems.join(), "too many connections");
  await server.expectHonestService();
  first.close();
  await until(() => server.listener.connectionCount === 2);
  const third = await server.connectRaw();
  await third.write(clientHello);
  const buffer = new Uint8Array(100);
  const count = await third.read(buffer);
  assertEquals(errorCodeIn(buffer.slice(0, count ?? 0)), "");
  for (const raw of [second, third]) raw.close();
});
