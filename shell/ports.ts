/**
 * Finds ports for nodes on this machine.
 *
 * @module
 */

/** Free ports on loopback: `firstPort` and its successors where they are free, others where they are not. */
export function choosePorts(firstPort: number, count: number): number[] {
  const held: Deno.Listener[] = [];
  try {
    return Array.from({ length: count }, (_, index) => {
      // Each stays open until all are chosen, so that none is chosen twice.
      const listener = tryListen(firstPort === 0 ? 0 : firstPort + index) ?? listen(0);
      held.push(listener);
      return listener.addr.port;
    });
  } finally {
    for (const listener of held) listener.close();
  }
}

function listen(port: number): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port });
}

function tryListen(port: number): Deno.TcpListener | null {
  if (port > 65_535) return null;
  try {
    return listen(port);
  } catch (error) {
    // Taken, or reserved for the administrator: another one will do.
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}
