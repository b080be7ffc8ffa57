/**
 * The coordinators of a job that is run on this machine: processes that are started again when they are lost.
 *
 * @module
 */
import { CommandFailed } from "../failure.ts";
import type { NodeSettings } from "../node_settings.ts";
import { choosePorts } from "../ports.ts";
import { Child } from "./child.ts";
import { coordinatorCommandLine, defaultMapReduceClusterId } from "./settings.ts";

/** A coordinator that ends so often before it listens will not listen the next time. */
const maxFailedStarts = 5;

/** See the module. */
export class LocalCoordinators implements AsyncDisposable {
  /** Where they listen. */
  readonly addresses: readonly string[];
  readonly #settings: readonly NodeSettings[];
  readonly #children = new Map<string, Child>();
  readonly #directory: string;
  readonly #onProblem: (text: string) => void;
  #failedStarts = 0;
  #isStopping = false;

  private constructor(directory: string, count: number, onProblem: (text: string) => void) {
    this.#directory = directory;
    this.#onProblem = onProblem;
    const ids = Array.from({ length: count }, (_, index) => `c${index + 1}`);
    const ports = choosePorts(0, count);
    const peers = Object.fromEntries(ids.map((id, index) => [id, `127.0.0.1:${ports[index]}`]));
    this.addresses = Object.values(peers);
    this.#settings = Object.entries(peers).map(([id, listen]) => ({
      ...{ id, listen, peers, clusterId: defaultMapReduceClusterId, isInsecure: false },
      dataDir: `${directory}/${id}`,
    }));
  }

  /** Starts `count` of them with data and logs below `directory`, and waits until they listen. */
  static async start(
    directory: string,
    count: number,
    onProblem: (text: string) => void,
  ): Promise<LocalCoordinators> {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const coordinators = new LocalCoordinators(directory, count, onProblem);
    const started = coordinators.#settings.map((settings) => coordinators.#start(settings));
    const lines = await Promise.all(started.map((child) => child.firstLine));
    const failed = started[lines.indexOf(null)];
    if (failed === undefined) return coordinators;
    await failed.ended;
    await coordinators[Symbol.asyncDispose]();
    throw new CommandFailed(`Cannot start a coordinator: ${failed.lastLines}`);
  }

  /** Process ids by address, of those that run. */
  get pids(): ReadonlyMap<string, number> {
    return new Map(this.#settings.flatMap(({ id, listen }) => {
      const child = this.#children.get(id);
      return child === undefined ? [] : [[listen, child.pid] as const];
    }));
  }

  /** Stops them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
  }

  #start(settings: NodeSettings): Child {
    const { id } = settings;
    const child = Child.spawn(coordinatorCommandLine(settings), `${this.#directory}/${id}.log`);
    this.#children.set(id, child);
    void child.firstLine.then((line) => {
      if (line !== null) this.#failedStarts = 0;
    });
    void child.ended.then(async (code) => {
      if (this.#children.get(id) === child) this.#children.delete(id);
      if (this.#isStopping) return;
      const hasListened = await child.firstLine !== null;
      if (!hasListened && ++this.#failedStarts >= maxFailedStarts) {
        return this.#onProblem(`coordinator ${id} cannot be started any more: ${child.lastLines}`);
      }
      this.#onProblem(`coordinator ${id} has ended with code ${code}; it is started again`);
      this.#start(settings);
    });
    return child;
  }
}
