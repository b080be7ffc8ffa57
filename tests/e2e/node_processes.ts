/**
 * A cluster of real processes: real sockets, real files, real signals.
 *
 * @module
 */
import { Clerk } from "../../mod.ts";
import { nodeCommandLine } from "../../shell/node_child.ts";
import { defaultClusterId, type NodeSettings } from "../../shell/node_settings.ts";
import { freePorts } from "./free_ports.ts";
import { until } from "./until.ts";

interface RunningNode {
  readonly process: Deno.ChildProcess;
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
  readonly output: Promise<string>;
}

/** Options of {@link NodeProcesses.start}. */
export interface NodeProcessesOptions {
  /** How many nodes; 3 by default. */
  readonly count?: number;
  /** The arguments of a node's process; those of `balsa start` by default. */
  readonly commandLine?: (settings: NodeSettings) => string[];
}

/** Some nodes of one cluster, each a process of its own with the permissions `balsa start` gives it. */
export class NodeProcesses implements AsyncDisposable {
  /** Where the nodes keep their data, each in a directory of its name. */
  readonly directory: string;
  /** Addresses by node. */
  readonly peers: Readonly<Record<string, string>>;
  readonly #running: Map<string, RunningNode> = new Map();

  readonly #commandLine: (settings: NodeSettings) => string[];

  private constructor(
    directory: string,
    peers: Readonly<Record<string, string>>,
    commandLine: (settings: NodeSettings) => string[],
  ) {
    this.directory = directory;
    this.peers = peers;
    this.#commandLine = commandLine;
  }

  /** Starts all nodes. */
  static async start(options: NodeProcessesOptions = {}): Promise<NodeProcesses> {
    const ports = freePorts(options.count ?? 3);
    const peers = Object.fromEntries(ports.map((port, index) => [`n${index + 1}`, `127.0.0.1:${port}`]));
    const directory = await Deno.makeTempDir({ prefix: "balsa-e2e-" });
    const nodes = new NodeProcesses(directory, peers, options.commandLine ?? nodeCommandLine);
    for (const id of nodes.ids) nodes.startNode(id);
    return nodes;
  }

  /** Names of all nodes. */
  get ids(): string[] {
    return Object.keys(this.peers);
  }

  /** Addresses of all nodes. */
  get addresses(): string[] {
    return Object.values(this.peers);
  }

  /** What node `id` is started with. */
  settings(id: string): NodeSettings {
    const listen = this.peers[id] ?? "";
    const dataDir = `${this.directory}/${id}`;
    return { id, listen, peers: this.peers, dataDir, clusterId: defaultClusterId, isInsecure: false };
  }

  /** Starts a node that does not run. */
  startNode(id: string): void {
    const process = new Deno.Command(Deno.execPath(), {
      args: this.#commandLine(this.settings(id)),
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#running.set(id, {
      process,
      input: process.stdin.getWriter(),
      output: new Response(process.stderr).text(),
    });
  }

  /** Whether a node was started and has not been ended since. */
  isStarted(id: string): boolean {
    return this.#running.has(id);
  }

  /** The process id of a running node. */
  pid(id: string): number {
    return this.#get(id).process.pid;
  }

  /** Sends a signal; after SIGKILL and SIGTERM waits for the end. */
  async signal(id: string, signal: Deno.Signal): Promise<void> {
    const node = this.#get(id);
    node.process.kill(signal);
    if (signal !== "SIGKILL" && signal !== "SIGTERM") return;
    this.#running.delete(id);
    await node.process.status;
    await node.input.close().catch(() => {});
    await node.output;
  }

  /** Waits for a node to end by itself; resolves to its exit code and what it said on standard error. */
  async ended(id: string): Promise<{ readonly code: number; readonly output: string }> {
    const node = this.#get(id);
    const { code } = await node.process.status;
    this.#running.delete(id);
    await node.input.close().catch(() => {});
    return { code, output: await node.output };
  }

  #get(id: string): RunningNode {
    const node = this.#running.get(id);
    if (node === undefined) throw new Error(`node ${id} does not run`);
    return node;
  }

  /** A Clerk of all nodes. */
  clerk(): Clerk {
    return new Clerk(this.addresses);
  }

  /** The name of the leader, waited for. */
  async leader(timeoutMs = 20_000): Promise<string> {
    let leader: string | null = null;
    await using clerk = this.clerk();
    await until("a leader", async () => {
      for (const id of this.#running.keys()) {
        const status = await clerk.status(this.peers[id] ?? "", { timeoutMs: 1000 }).catch(() => null);
        if (status?.role === "leader") leader = id;
      }
      return leader !== null;
    }, timeoutMs);
    return leader ?? "";
  }

  /** Kills what runs and removes all files. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#running.keys()]) {
      // A stopped process takes a SIGKILL all the same.
      await this.signal(id, "SIGKILL");
    }
    await Deno.remove(this.directory, { recursive: true });
  }
}
