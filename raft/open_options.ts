/**
 * What an operator says about one node, and what can be wrong with it.
 *
 * @module
 */
import type { NodeId } from "./core/types.ts";
import type { RaftLimits, Timing } from "./node/options.ts";
import { defaultTiming } from "./node/options.ts";
import type { Platform } from "./platform.ts";
import { type Address, isLoopback, parseAddress } from "./wire/address.ts";

/** One node of a cluster. */
export interface NodeOptions {
  /** This node's name: 1 to 48 visible ASCII characters without "#", unique in its cluster, the same for the life of its data directory. */
  readonly id: NodeId;
  /** Where this node listens, `HOST:PORT`, for other nodes and for clients. */
  readonly listen: string;
  /** Where this node reaches each member of the cluster, by name; itself included. */
  readonly peers: Readonly<Record<NodeId, string>>;
  /** Directory of this node's log and snapshots; made if it is missing. No two nodes can share one. */
  readonly dataDir: string;
  /** Name of the cluster; nodes and clients of another one are refused. "balsa" unless given. */
  readonly clusterId?: string;
  /** Allows `listen` to be reachable from other machines although nobody is asked who they are. */
  readonly insecure?: boolean;
  /** How fast a node notices and tells; the same on all nodes. */
  readonly timing?: Partial<Timing>;
  /** Limits of the core. */
  readonly limits?: Partial<RaftLimits>;
  /** Where the node lives; the machine's own clock, disk and network unless given. */
  readonly platform?: Platform;
  /** Told of trouble with other nodes that needs no action of the program, such as a peer of another cluster. */
  readonly onProblem?: (text: string) => void;
}

/** Options under which a node cannot be started. The message says what to change. */
export class NodeOptionsError extends Error {
  /** The class name, for logs. */
  override readonly name = "NodeOptionsError";
}

/** Throws {@link NodeOptionsError} unless a node can be started like this. */
export function validateNodeOptions(options: NodeOptions): void {
  const { id, listen, peers, dataDir, clusterId = "balsa" } = options;
  const fail = (text: string): never => {
    throw new NodeOptionsError(`Cannot start node ${id}: ${text}`);
  };
  if (id.length === 0) throw new NodeOptionsError("Cannot start a node without a name; give it one with --id");
  const names = Object.keys(peers);
  for (const name of [id, ...names]) {
    if (!/^[\x21\x22\x24-\x7e]{1,48}$/.test(name)) {
      fail(`the name ${JSON.stringify(name)} is not made of 1 to 48 visible ASCII characters without "#"`);
    }
  }
  if (!names.includes(id)) {
    fail(
      names.length === 0
        ? `--peers is empty; give every member as NAME=HOST:PORT, this node included`
        : `--peers names ${names.join(", ")}; add ${id}=HOST:PORT or use another --id`,
    );
  }
  for (const [name, address] of Object.entries(peers)) {
    const parsed = tryParse(address);
    // Nobody dials the own address from here, so it may be left to the system, as `listen` may.
    if (parsed === null || (parsed.port === 0 && name !== id)) {
      fail(`the address ${JSON.stringify(address)} of peer ${name} is not HOST:PORT with a port from 1 to 65535`);
    }
  }
  if (dataDir.length === 0) fail("the data directory is empty; give one with --data");
  if (clusterId.length === 0 || clusterId.length > 64) fail("the cluster's name must have 1 to 64 characters");
  validateListen(listen, options.insecure === true);
  validateTiming(id, { ...defaultTiming, ...options.timing });
}

function tryParse(address: string): Address | null {
  try {
    return parseAddress(address);
  } catch {
    return null;
  }
}

function validateListen(listen: string, insecure: boolean): void {
  const address = tryParse(listen);
  if (address === null) {
    throw new NodeOptionsError(
      `Cannot listen on ${JSON.stringify(listen)}: it is not HOST:PORT, such as 127.0.0.1:7001`,
    );
  }
  if (!insecure && !isLoopback(address.hostname)) {
    throw new NodeOptionsError(
      `Cannot listen on ${listen}: there is no authentication yet, so anyone who reaches the port could read and write; ` +
        "use a loopback address, or pass --insecure if the network is trusted",
    );
  }
}

function validateTiming(id: NodeId, timing: Timing): void {
  const { tickMs, heartbeatTicks, electionTimeoutTicks, clockDriftBound } = timing;
  if (!(clockDriftBound >= 1 && clockDriftBound < Infinity)) {
    throw new NodeOptionsError(
      `Cannot start node ${id}: clockDriftBound is ${clockDriftBound}; it must be 1 or more, for it says how many times as ` +
        "fast as one clock another may run",
    );
  }
  const areTicks = Number.isInteger(heartbeatTicks) && Number.isInteger(electionTimeoutTicks);
  if (tickMs > 0 && areTicks && heartbeatTicks >= 1 && electionTimeoutTicks > 2 * heartbeatTicks) return;
  throw new NodeOptionsError(
    `Cannot start node ${id}: timing is tickMs ${tickMs}, heartbeatTicks ${heartbeatTicks}, electionTimeoutTicks ` +
      `${electionTimeoutTicks}; ticks must be whole, at least 1, and an election must take more than two heartbeats`,
  );
}
