/** Files and network in memory: the contracts of their ports, and what is theirs alone. */
import { assert, assertEquals, assertNotStrictEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryFileSystem } from "../../../raft/memory/memory_file_system.ts";
import { MemoryNetwork } from "../../../raft/memory/memory_network.ts";
import { MemoryPlatform } from "../../../raft/memory/memory_platform.ts";
import type { Socket } from "../../../raft/wire/network.ts";
import { fileSystemContract } from "../storage/file_system_contract.ts";
import { pattern } from "../storage/samples.ts";
import { networkContract } from "../wire/network_contract.ts";
import { until } from "../wire/until.ts";

fileSystemContract("files in memory", () => {
  const fileSystem = new MemoryFileSystem("memory");
  return Promise.resolve({ fileSystem, second: fileSystem, [Symbol.asyncDispose]: () => Promise.resolve() });
});

networkContract("network in memory", () => ({
  network: new MemoryNetwork(),
  listenAddress: "127.0.0.1:0",
  deadAddress: "127.0.0.1:9",
  until,
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));

Deno.test("files in memory: what was cut off reads as zeros when the file grows again, over blocks", async () => {
  const fileSystem = new MemoryFileSystem("memory");
  const file = await fileSystem.open("one", { create: true });
  const bytes = pattern(200_000, 1);
  await file.write(1_000, bytes);
  await file.truncate(70_000);
  await file.truncate(201_000);
  const expected = new Uint8Array(201_000);
  expected.set(bytes.subarray(0, 69_000), 1_000);
  assertEquals(await file.read(0, 300_000), expected);
  file.close();
  await assertRejects(() => file.read(0, 1), Error, "Cannot use the file: it was closed");
});

Deno.test("network in memory: addresses of another platform are other addresses", async () => {
  const [one, other] = [new MemoryPlatform(), new MemoryPlatform()];
  const listener = await one.network.listen("127.0.0.1:7", () => {});
  await assertRejects(() => other.network.connect("127.0.0.1:7"), Error, "nobody listens there");
  await assertRejects(() => one.network.listen("127.0.0.1:7", () => {}), Error, "the port is in use");
  listener.close();
});

Deno.test("network in memory: an endless exchange lets timers go on", async () => {
  const network = new MemoryNetwork();
  let isOver = false;
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const echo = (socket: Socket): void =>
    socket.start({
      data: (bytes) => {
        if (isOver || ++count === 100_000) socket.close("enough");
        else socket.write(bytes);
      },
      closed: () => resolve(),
    });
  const listener = await network.listen("127.0.0.1:7", echo);
  const near = await network.connect("127.0.0.1:7");
  echo(near);
  const timer = setTimeout(() => isOver = true, 5);
  near.write(pattern(10));
  await promise;
  clearTimeout(timer);
  listener.close();
  assert(isOver, "no timer has fired meanwhile");
});

Deno.test("platform in memory: a directory is the same each time", () => {
  const platform = new MemoryPlatform();
  assertStrictEquals(platform.fileSystem("a"), platform.fileSystem("a"));
  assertNotStrictEquals(platform.fileSystem("a"), platform.fileSystem("b"));
});
