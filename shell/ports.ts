/**
 * Finds ports for nodes on this machine.
 *
 * Ports are found first and used later, by other processes. So none is taken from where the system finds ports for outgoing
 * connections (32768 and up on Linux), for such a port may be in use again a moment later; and each process, and each worker
 * within it, looks from a place of its own, so that two that look at the same time do not find the same.
 *
 * @module
 */

const firstSearchedPort = 22_000;
const searchedPorts = 10_000;
/** Where the next search begins. By chance: workers of one process share its id. */
let searched = Math.floor(Math.random() * searchedPorts);

/** Free ports on loopback: `firstPort` and its successors where they are free, others where they are not. */
export function choosePorts(firstPort: number, count: number): number[] {
  const held: Deno.Listener[] = [];
  try {
    return Array.from({ length: count }, (_, index) => {
      // Each stays open until all are chosen, so that none is chosen twice.
      const listener = (firstPort === 0 ? null : tryListen(firstPort + index)) ?? listenAnywhere();
      held.push(listener);
      return listener.addr.port;
    });
  } finally {
    for (const listener of held) listener.close();
  }
}

function listenAnywhere(): Deno.TcpListener {
  for (let attempt = 0; attempt < searchedPorts; attempt++) {
    const position = searched++ % searchedPorts;
    const listener = tryListen(firstSearchedPort + position);
    if (listener !== null) return listener;
  }
  throw new Error(`Cannot find a free port from ${firstSearchedPort} on: close programs that listen, or name a port`);
}

/** Listens on a port of loopback if that may be done; null if not. */
export function tryListen(port: number): Deno.TcpListener | null {
  if (port > 65_535) return null;
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    // Taken, or reserved for the administrator: another one will do.
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}
