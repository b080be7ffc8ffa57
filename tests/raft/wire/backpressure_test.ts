/** A server's memory is bounded: by requests under way, and by replies that nobody reads. */
import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import type { CborValue } from "../../../raft/encoding/cbor.ts";
import { realClock } from "../../../raft/node/clock.ts";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import { encodeHello } from "../../../raft/wire/hello.ts";
import { RpcClient } from "../../../raft/wire/rpc.ts";
import { encodeCall } from "../../../raft/wire/rpc_codec.ts";
import { EchoServer, readToEnd } from "./echo_server.ts";
import { ManualClock } from "./manual_clock.ts";
import { until } from "./until.ts";

const clientHello = encodeHello({ clusterId: "balsa", role: "client", nodeId: "", targetNodeId: "" });

/** Requests that fit into one read of the server, at most. */
const readBufferBytes = 64 * 1024;

Deno.test("backpressure: beyond the requests under way the server reads no more, and goes on when they are answered", async () => {
  const waiting: (() => void)[] = [];
  const maxInflightRequests = 50;
  await using server = await EchoServer.start({
    limits: { maxInflightRequests },
    handler: (request, respond) => {
      if (typeof request === "string") waiting.push(() => respond(null));
      else respond(request);
    },
  });
  const requestBytes = 1_000;
  const total = 10_000;
  const client = await RpcClient.connect(new DenoNetwork(), server.listener.address, {
    clock: realClock,
    timeoutMs: 5_000,
  });
  let answered = 0;
  for (let call = 0; call < total; call++) client.call("x".repeat(requestBytes), () => answered++);
  await until(() => waiting.length >= maxInflightRequests);
  for (let call = 0; call < 20; call++) await server.expectHonestService();
  const most = maxInflightRequests + 2 * readBufferBytes / requestBytes;
  assertLessOrEqual(waiting.length, most);
  while (answered < total) {
    assertLessOrEqual(waiting.length, most);
    for (const answer of waiting.splice(0)) answer();
    await until(() => waiting.length > 0 || answered === total);
  }
  client.close();
});

Deno.test("backpressure: the bytes of requests under way count too", async () => {
  let received = 0;
  const waiting: (() => void)[] = [];
  await using server = await EchoServer.start({
    limits: { maxInflightBytes: 1_000_000 },
    handler: (request, respond) => {
      if (typeof request === "string") {
        received++;
        waiting.push(() => respond(null));
      } else respond(request);
    },
  });
  const client = await RpcClient.connect(new DenoNetwork(), server.listener.address, {
    clock: realClock,
    timeoutMs: 5_000,
  });
  for (let call = 0; call < 100; call++) client.call("x".repeat(100_000), () => {});
  await until(() => received >= 10);
  for (let call = 0; call < 20; call++) await server.expectHonestService();
  assertLessOrEqual(received, 11);
  while (received < 100) {
    for (const answer of waiting.splice(0)) answer();
    await until(() => waiting.length > 0);
  }
  client.close();
});

/** A server whose clock the test moves, and whose reply to any text is 100 kB of one and the same string. */
async function serverOfLargeReplies(clock: ManualClock): Promise<{ server: EchoServer; served: () => number }> {
  let served = 0;
  const large = "y".repeat(100_000);
  const server = await EchoServer.start({
    clock,
    limits: { maxQueuedReplyBytes: 1_000_000, maxInflightRequests: 20 },
    handler: (request, respond) => {
      if (typeof request === "string") {
        served++;
        respond(large);
      } else respond(request);
    },
  });
  return { server, served: () => served };
}

/** Writes as much as the other side takes; resolves when it takes no more, or is gone. */
async function floodWith(raw: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  try {
    for (let written = 0; written < bytes.length;) written += await raw.write(bytes.subarray(written));
  } catch {
    // Disconnected.
  }
}

Deno.test("backpressure: a client that never reads costs little, and is disconnected at last", async () => {
  const clock = new ManualClock();
  const { server: running, served } = await serverOfLargeReplies(clock);
  await using server = running;
  const raw = await server.connectRaw();
  await raw.write(clientHello);
  const requests = 50_000;
  const calls = Array.from({ length: requests }, (_, id) => new Uint8Array(encodeCall(id + 1, "x".repeat(500))));
  const flood = await new Blob(calls).bytes();
  const before = Deno.memoryUsage();
  const flooding = floodWith(raw, flood);
  let previous = 0;
  let steadyLooks = 0;
  await until(() => {
    clock.advance(5);
    steadyLooks = served() > 0 && served() === previous ? steadyLooks + 1 : 0;
    previous = served();
    return steadyLooks >= 50;
  });
  // 5 GB were asked for. The kernel's buffers hold some megabytes of them, the server one, and then it stopped reading.
  assertLess(served(), 1_000);
  const after = Deno.memoryUsage();
  assertLess(after.rss - before.rss, 200 * 2 ** 20);
  await server.expectHonestService();
  assertEquals(server.listener.connectionCount, 2);
  for (let second = 0; second < 31; second++) {
    clock.advance(1_000);
    await server.expectHonestService();
  }
  await until(() => server.listener.connectionCount === 1);
  await flooding;
  raw.close();
});

Deno.test("backpressure: a client that reads late gets everything", async () => {
  const clock = new ManualClock();
  const { server: running, served } = await serverOfLargeReplies(clock);
  await using server = running;
  const raw = await server.connectRaw();
  await raw.write(clientHello);
  const requests = 300;
  for (let id = 1; id <= requests; id++) await raw.write(encodeCall(id, "x".repeat(500)));
  await until(() => served() > 20);
  let isReading = true;
  // Time passes while it reads, at the pace of the event loop.
  const ticking = until(() => {
    clock.advance(5);
    return !isReading;
  });
  let received = 0;
  const buffer = new Uint8Array(256 * 1024);
  while (received < requests * 100_000) {
    received += await raw.read(buffer) ?? assert(false, "the connection has ended") ?? 0;
  }
  isReading = false;
  await ticking;
  assertEquals(served(), requests);
  assertGreaterOrEqual(received, requests * 100_000);
  await server.expectHonestService();
  raw.close();
});

Deno.test("backpressure: a reply longer than any may be ends the connection", async () => {
  await using server = await EchoServer.start({
    handler: (request, respond) => respond(request === "large" ? new Uint8Array(9 * 2 ** 20) : request),
  });
  const raw = await server.connectRaw();
  await raw.write(clientHello);
  await raw.write(encodeCall(1, "large"));
  assertLess((await readToEnd(raw)).length, 100);
  raw.close();
  const body: CborValue = ["still", "there"];
  await server.expectHonestService();
  assertEquals(body.length, 2);
});
