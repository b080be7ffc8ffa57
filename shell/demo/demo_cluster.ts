/**
 * The demo's cluster: real nodes with real files and real sockets, in one process, every link between two nodes a wire
 * that can be cut.
 *
 * @module
 */
import { Clerk, KvServer, type KvStatus } from "../../kv/mod.ts";
import { choosePorts } from "../ports.ts";
import { LinkProxy } from "./link_proxy.ts";

/** One node, running or not. */
interface DemoNode {
  readonly id: string;
  readonly port: number;
  readonly peers: Readonly<Record<string, string>>;
  server: KvServer | null;
}

/** Five nodes and the twenty wires between them. */
export class DemoCluster implements AsyncDisposable {
  /** Names of the nodes. */
  readonly ids: readonly string[];
  readonly #directory: string;
  readonly #nodes: ReadonlyMap<string, DemoNode>;
  /** The wire from one node to another, under `from>to`. */
  readonly #wires: ReadonlyMap<string, LinkProxy>;

  private constructor(directory: string, nodes: ReadonlyMap<string, DemoNode>, wires: ReadonlyMap<string, LinkProxy>) {
    this.#directory = directory;
    this.#nodes = nodes;
    this.#wires = wires;
    this.ids = [...nodes.keys()];
  }

  /** Starts `nodeCount` nodes on loopback, with data in a temporary directory. */
  static async start(nodeCount: number): Promise<DemoCluster> {
    const directory = await Deno.makeTempDir({ prefix: "balsa-demo-" });
    const ids = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`);
    const ports = choosePorts(0, nodeCount);
    const portOf = (id: string): number => ports[ids.indexOf(id)] ?? 0;
    const wires = new Map<string, LinkProxy>();
    const nodes = new Map<string, DemoNode>();
    for (const id of ids) {
      const peers: Record<string, string> = { [id]: `127.0.0.1:${portOf(id)}` };
      for (const other of ids.filter((other) => other !== id)) {
        const wire = LinkProxy.listen(() => portOf(other));
        wires.set(`${id}>${other}`, wire);
        peers[other] = wire.address;
      }
      nodes.set(id, { id, port: portOf(id), peers, server: null });
    }
    const cluster = new DemoCluster(directory, nodes, wires);
    try {
      await Promise.all(ids.map((id) => cluster.startNode(id)));
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Starts a node, from what its directory holds. */
  async startNode(id: string): Promise<void> {
    const node = this.#node(id);
    node.server = await KvServer.start({
      id,
      listen: `127.0.0.1:${node.port}`,
      peers: node.peers,
      dataDir: `${this.#directory}/${id}`,
      clusterId: "demo",
    });
  }

  /** Ends a node; what it has on disk stays. */
  async stopNode(id: string): Promise<void> {
    const node = this.#node(id);
    const server = node.server;
    node.server = null;
    await server?.[Symbol.asyncDispose]();
  }

  /** A Clerk that knows `ids`, or every node. */
  clerk(ids: readonly string[] = this.ids): Clerk {
    // Servers name the leader by the address at which they dial it: a wire that may have been cut. On loopback a server
    // that has not answered for so long is as good as gone.
    return new Clerk(ids.map((id) => `127.0.0.1:${this.#node(id).port}`), { attemptTimeoutMs: 400 });
  }

  /** How each running node is. */
  statuses(ids: readonly string[] = this.ids): KvStatus[] {
    return ids.flatMap((id) => this.#node(id).server?.status() ?? []);
  }

  /** The leader that a majority follows, or null. */
  leader(ids: readonly string[] = this.ids): KvStatus | null {
    const statuses = this.statuses(ids);
    return statuses.find((status) => {
      const followers = statuses.filter((other) => other.leader === status.id && other.term === status.term);
      return status.role === "leader" && followers.length > this.ids.length / 2;
    }) ?? null;
  }

  /** Cuts every wire between `island` and the rest. */
  isolate(island: readonly string[]): void {
    for (const [name, wire] of this.#wires) {
      const [from = "", to = ""] = name.split(">");
      if (island.includes(from) !== island.includes(to)) wire.cut();
    }
  }

  /** Mends every wire. */
  heal(): void {
    for (const wire of this.#wires.values()) wire.mend();
  }

  /** Stops the nodes, closes the wires and removes the data. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    await Promise.all(this.ids.map((id) => this.stopNode(id)));
    for (const wire of this.#wires.values()) wire[Symbol.dispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }

  #node(id: string): DemoNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`The demo has no node ${id}; it has ${this.ids.join(", ")}`);
    return node;
  }
}

/** Milliseconds until `condition` holds, or null if it does not within `limitMs`. */
export async function timeUntil(condition: () => boolean, limitMs: number): Promise<number | null> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > limitMs) return null;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - start;
}
