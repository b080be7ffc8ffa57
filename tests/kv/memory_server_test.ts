/** The server in memory: a whole server, and nothing of the machine. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Clerk, ClerkError, KvServer } from "../../kv/mod.ts";
import { MemoryPlatform } from "../../raft/mod.ts";

const noPermissions = { permissions: "none" } as const;

Deno.test("a server in memory needs no permission, and serves what every server does", noPermissions, async () => {
  await using server = await KvServer.inMemory();
  await using clerk = server.clerk();
  await clerk.put("color", "blue");
  await clerk.append("color", "-green");
  assertEquals(await clerk.getWithVersion("color"), { value: "blue-green", version: 2 });
  assertEquals(await clerk.putIfVersion("color", "red", 1), { kind: "versionMismatch", version: 2 });
  assertEquals((await clerk.status(server.address)).role, "leader");
});

Deno.test("servers in memory do not know of each other, though they have one address", async () => {
  await using one = await KvServer.inMemory();
  await using other = await KvServer.inMemory();
  assertEquals(one.address, other.address);
  await using clerk = one.clerk();
  await using otherClerk = other.clerk();
  await clerk.put("who", "one");
  assertEquals(await otherClerk.get("who"), "");
});

Deno.test("a server in memory is gone when it is disposed of, with what it held", async () => {
  const server = await KvServer.inMemory();
  await using clerk = server.clerk({ timeoutMs: 200 });
  await clerk.put("k", "v");
  await server[Symbol.asyncDispose]();
  const error = await assertRejects(() => clerk.get("k"), ClerkError);
  assertEquals(error.code, "timeout");
});

Deno.test("the log in memory is trimmed by snapshots, and a server finds it again on its platform", async () => {
  const platform = new MemoryPlatform();
  const options = { id: "n1", listen: "127.0.0.1:1", peers: { n1: "127.0.0.1:1" }, dataDir: "n1", platform };
  const start = (): Promise<KvServer> => KvServer.start({ ...options, maxRaftState: 2_000 });
  {
    await using server = await start();
    await using clerk = server.clerk();
    for (let count = 0; count < 100; count++) await clerk.append("k", "x".repeat(50));
  }
  await using server = await start();
  await using clerk = server.clerk();
  assertEquals((await clerk.get("k")).length, 5_000);
  assertLess(0, server.status().snapshotIndex);
});

Deno.test("a server's clerk knows the port that the system has chosen", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await using server = await KvServer.start({
      ...{ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir },
    });
    await using clerk = server.clerk();
    await using same = new Clerk([server.address]);
    await clerk.put("k", "v");
    assertEquals(await same.get("k"), "v");
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
