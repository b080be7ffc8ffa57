import { assertEquals } from "@std/assert";
import { LinkProxy } from "../../shell/demo/link_proxy.ts";

/** A server that sends back what it is sent. */
function echo(): { port: number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const connections: Promise<void>[] = [];
    try {
      for await (const connection of listener) {
        connections.push(connection.readable.pipeTo(connection.writable).catch(() => {}));
      }
    } catch {
      // Closed.
    }
    await Promise.all(connections);
  })();
  return {
    port: listener.addr.port,
    close: () => {
      listener.close();
      return serving;
    },
  };
}

/** Sends a byte and returns a promise of the one that comes back; null when the connection ends instead. */
async function bounce(connection: Deno.Conn, byte: number): Promise<number | null> {
  await connection.write(Uint8Array.of(byte));
  const buffer = new Uint8Array(1);
  const count = await connection.read(buffer).catch(() => null);
  return count === null ? null : buffer[0] ?? null;
}

Deno.test("a wire holds bytes back while it is cut, and delivers them when it is mended", async () => {
  const server = echo();
  const wire = LinkProxy.listen(() => server.port);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(wire.address.split(":")[1]) });
  assertEquals(await bounce(connection, 1), 1);
  wire.cut();
  let isBack = false;
  const second = bounce(connection, 2).finally(() => isBack = true);
  // A round trip past the cut wire proves that the cut one had all the time it would have needed.
  const direct = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  for (let round = 0; round < 20; round += 1) await bounce(direct, 3);
  assertEquals(isBack, false);
  wire.cut(); // Harmless: it is cut already, and one mending mends it.
  wire.mend();
  assertEquals(await second, 2);
  for (const open of [connection, direct]) open.close();
  wire[Symbol.dispose]();
  await server.close();
});

Deno.test("a connection made while the wire is cut works when it is mended", async () => {
  const server = echo();
  const wire = LinkProxy.listen(() => server.port);
  wire.cut();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(wire.address.split(":")[1]) });
  const first = bounce(connection, 1);
  wire.mend();
  assertEquals(await first, 1);
  connection.close();
  wire[Symbol.dispose]();
  await server.close();
});

Deno.test("a wire that is disposed of closes its connections", async () => {
  const server = echo();
  const wire = LinkProxy.listen(() => server.port);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(wire.address.split(":")[1]) });
  assertEquals(await bounce(connection, 1), 1);
  wire[Symbol.dispose]();
  assertEquals(await connection.read(new Uint8Array(1)).catch(() => null), null);
  connection.close();
  await server.close();
});
