/**
 * A wire that can be cut: a TCP proxy on the link from one node to another.
 *
 * A cut wire behaves as the network does: nobody is told. Bytes wait where they are, and flow again when it is mended.
 *
 * @module
 */

/** Proxies every connection to one address. */
export class LinkProxy implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.Conn>();
  /** Resolves when bytes may flow. */
  #open: Promise<void> = Promise.resolve();
  #mend: (() => void) | null = null;

  private constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
  }

  /** Where to dial. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Listens; `target` names the port to connect to, asked when the first connection comes. */
  static listen(target: () => number): LinkProxy {
    const proxy = new LinkProxy(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    void proxy.#accept(target);
    return proxy;
  }

  /** Stops the flow of bytes in both directions. Harmless when it has been stopped. */
  cut(): void {
    if (this.#mend !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open = promise;
    this.#mend = resolve;
  }

  /** Lets bytes flow again. */
  mend(): void {
    this.#mend?.();
    this.#mend = null;
  }

  /** Closes the port and every connection. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    this.mend();
  }

  async #accept(target: () => number): Promise<void> {
    try {
      for await (const near of this.#listener) void this.#serve(near, target());
    } catch {
      // The listener has been closed.
    }
  }

  async #serve(near: Deno.TcpConn, port: number): Promise<void> {
    this.#connections.add(near);
    let far: Deno.TcpConn | null = null;
    try {
      await this.#open;
      far = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#connections.add(far);
      // A message must not wait for the acknowledgement of the one before it.
      near.setNoDelay(true);
      far.setNoDelay(true);
      await Promise.race([this.#pump(near, far), this.#pump(far, near)]);
    } catch {
      // Refused or reset: the two ends learn it from their closed connections.
    } finally {
      for (const connection of far === null ? [near] : [near, far]) {
        this.#connections.delete(connection);
        close(connection);
      }
    }
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      await this.#open;
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
