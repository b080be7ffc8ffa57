/**
 * A cluster on this machine, one process a node.
 *
 * @module
 */
import { CommandFailed } from "./failure.ts";
import { NodeChild } from "./node_child.ts";
import { defaultClusterId } from "./node_settings.ts";
import { choosePorts } from "./ports.ts";

/** Nodes of a local cluster: the smallest number that survives the loss of one. */
const nodeCount = 3;

/** How {@link LocalCluster.start} is told what to start. */
export interface LocalClusterOptions {
  /** Holds a directory and a log file for each node; created if missing. */
  readonly dataDir: string;
  /** The first node's port; the others follow. A port that is taken is replaced by any free one. */
  readonly firstPort: number;
  /** Called when a node has ended without being asked to. */
  readonly onLost: (child: NodeChild) => void;
}

/** Three nodes that run until they are stopped. */
export class LocalCluster implements AsyncDisposable {
  /** The nodes. */
  readonly children: readonly NodeChild[];

  private constructor(children: readonly NodeChild[]) {
    this.children = children;
  }

  /** Where the nodes listen. */
  get servers(): string[] {
    return this.children.map((child) => child.settings.listen);
  }

  /** Starts the nodes and waits until each one listens; stops them all again if one cannot. */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    await makeDirectory(options.dataDir);
    const ids = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`);
    const ports = choosePorts(options.firstPort, nodeCount);
    const peers = Object.fromEntries(ids.map((id, index) => [id, `127.0.0.1:${ports[index]}`]));
    const children = ids.map((id, index) =>
      NodeChild.spawn({
        settings: {
          id,
          listen: `127.0.0.1:${ports[index]}`,
          peers,
          dataDir: `${options.dataDir}/${id}`,
          clusterId: defaultClusterId,
          isInsecure: false,
        },
        logFile: `${options.dataDir}/${id}.log`,
        onLost: options.onLost,
      })
    );
    const cluster = new LocalCluster(children);
    try {
      await Promise.all(children.map((child) => child.listening));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Stops the nodes, each cleanly if it can. */
  async stop(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
  }

  /** The same as {@link stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Makes a directory for data and logs; says what to do when that cannot be done. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(
      `Cannot create the data directory ${path}: ${reason}; choose one you may write to with --data`,
    );
  }
}
