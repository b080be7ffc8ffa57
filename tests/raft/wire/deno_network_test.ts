/** The machine's own network: the contract, and what only a real kernel shows. */
import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import type { Socket } from "../../../raft/wire/network.ts";
import { networkContract } from "./network_contract.ts";
import { until } from "./until.ts";

/** A port that was free a moment ago. */
function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

networkContract("deno network", () => ({
  network: new DenoNetwork(),
  listenAddress: "127.0.0.1:0",
  deadAddress: freeAddress(),
  until,
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));

Deno.test("deno network: errors say what was tried and what stood in the way", async () => {
  const network = new DenoNetwork();
  const dead = freeAddress();
  await assertRejects(() => network.connect(dead), Error, `Cannot connect to ${dead}: connection refused`);
  const listener = await network.listen("127.0.0.1:0", () => {});
  const taken = listener.address;
  await assertRejects(() => network.listen(taken, () => {}), Error, `Cannot listen on ${taken}: the port is in use`);
  listener.close();
  await assertRejects(() => network.listen("192.0.2.1:0", () => {}), Error, "this machine has no address 192.0.2.1");
  await assertRejects(() => network.connect("nowhere"), Error, 'Cannot use the address "nowhere"');
});

/** Accepts one connection on a real socket and connects to it with a plain one of Deno. */
async function rawConnection(): Promise<{ socket: Socket; raw: Deno.TcpConn; close(): void }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = await new DenoNetwork().listen("127.0.0.1:0", (socket) => {
    socket.start({ data: () => {}, closed: () => {} });
    resolve(socket);
  });
  const raw = await Deno.connect({ hostname: "127.0.0.1", port: Number(listener.address.split(":")[1]) });
  const socket = await promise;
  return {
    socket,
    raw,
    close() {
      listener.close();
      socket.close("the test is over");
      raw.close();
    },
  };
}

/** Reads exactly `count` bytes. */
async function readExactly(raw: Deno.TcpConn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  let length = 0;
  while (length < count) {
    const more = await raw.read(bytes.subarray(length));
    if (more === null) throw new Error(`The connection ended after ${length} of ${count} bytes`);
    length += more;
  }
  return bytes;
}

Deno.test("deno network: what is written in one turn leaves in one write", async () => {
  const { socket, raw, close } = await rawConnection();
  for (let piece = 0; piece < 100; piece++) socket.write(Uint8Array.of(piece));
  assertEquals(socket.queuedBytes, 100);
  const buffer = new Uint8Array(1_000);
  // One write of the sender is one segment on loopback, and so one read.
  assertEquals(await raw.read(buffer), 100);
  assertEquals(buffer.subarray(0, 100), Uint8Array.from({ length: 100 }, (_, at) => at));
  await until(() => socket.queuedBytes === 0);
  close();
});

Deno.test("deno network: what the other side does not read is queued and counted, and arrives later", async () => {
  const { socket, raw, close } = await rawConnection();
  const piece = new Uint8Array(64 * 1024);
  const total = 64 * 2 ** 20;
  for (let written = 0; written < total; written += piece.length) socket.write(piece);
  // The kernel takes a few megabytes; the rest must show.
  let previous = total;
  let steadyLooks = 0;
  await until(() => {
    steadyLooks = socket.queuedBytes === previous && previous < total ? steadyLooks + 1 : 0;
    previous = socket.queuedBytes;
    return steadyLooks >= 20;
  });
  assertGreater(socket.queuedBytes, 16 * 2 ** 20);
  assertLess(socket.queuedBytes, total);
  await readExactly(raw, total);
  await until(() => socket.queuedBytes === 0);
  close();
});

Deno.test("deno network: a last word reaches a client that is still talking", async () => {
  const { socket, raw, close } = await rawConnection();
  // Unread input at the time of closing would normally make the kernel send a reset, which destroys what is under way.
  const talk = (async () => {
    try {
      for (;;) await raw.write(new Uint8Array(10_000));
    } catch {
      // The other side has closed.
    }
  })();
  socket.write(new TextEncoder().encode("go away"));
  socket.close("enough", { flush: true });
  assertEquals(new TextDecoder().decode(await readExactly(raw, 7)), "go away");
  assertEquals(await raw.read(new Uint8Array(1)), null, "the end must be orderly, not a reset");
  close();
  await talk;
});
