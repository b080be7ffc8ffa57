/**
 * A server in a process of its own: started, asked, killed by SIGKILL.
 *
 * @module
 */
import type { ServerLife } from "./lab_cluster.ts";
import {
  linesOf,
  type ServerEvent,
  type ServerFigures,
  type ServerRequest,
  type ServerSettings,
} from "./server_protocol.ts";
import { LabFailure, type ServerHost } from "./world.ts";

/** A request without its number. */
type Asked = ServerRequest extends infer Request ? Request extends ServerRequest ? Omit<Request, "call"> : never
  : never;

const program = new URL("./server_process_main.ts", import.meta.url).href;

/** See the module. */
export abstract class ServerProcess implements ServerLife {
  /** Resolves when the server runs, or has ended before. */
  readonly ready: Promise<void>;
  /** As of the last {@link refresh}. */
  protected figures: ServerFigures = { raftStateBytes: 0, snapshotBytes: 0, snapshotIndex: 0 };
  readonly #world: ServerHost;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #onReady: () => void;
  /** Calls without an answer; null tells them that none will come. */
  readonly #calls = new Map<number, (value: unknown) => void>();
  #nextCall = 1;
  #state = { term: 0, isLeader: false };
  #isAlive = true;
  /** Resolves when the process has ended and all that it said was heard. */
  readonly #ended: Promise<void>;

  /** Starts the process. */
  constructor(world: ServerHost, settings: Pick<ServerSettings, "kind" | "name" | "maxRaftState" | "takesSnapshots">) {
    const { name } = settings;
    this.#world = world;
    this.#name = name;
    world.boot(name);
    const whole: ServerSettings = {
      ...settings,
      ...{ listen: world.listenAddress(name), addresses: world.addressesFor(name), dataDir: world.dataDir(name) },
    };
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-lock", "-A", program, JSON.stringify(whole)],
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#onReady = resolve;
    this.#ended = this.#run();
  }

  /** Is told all that the process tells about its own kind. */
  protected abstract heard(event: ServerEvent): void;

  /** See {@link ServerLife.isAlive}. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** See {@link ServerLife.raftStateBytes}. */
  get raftStateBytes(): number {
    return this.figures.raftStateBytes;
  }

  /** The last state that the process told. */
  state(): { readonly term: number; readonly isLeader: boolean } {
    return this.#state;
  }

  /** See {@link ServerLife.refresh}. */
  async refresh(): Promise<void> {
    this.figures = await this.ask<ServerFigures>({ kind: "refresh" }) ?? this.figures;
  }

  /** Kills the process, as `kill -9` does. */
  async crash(): Promise<void> {
    if (this.#isAlive) {
      this.#isAlive = false;
      this.#child.kill("SIGKILL");
    }
    await this.#ended;
  }

  /** Asks the process; null when it ends before it has answered. What it answers is taken for a `Value`. */
  protected ask<Value>(request: Asked): Promise<Value | null> {
    return new Promise((resolve) => {
      if (!this.#isAlive) return resolve(null);
      const call = this.#nextCall++;
      this.#calls.set(call, (value) => resolve(value as Value | null));
      // A process that has just died does not read; its calls end with it.
      this.#input.write(new TextEncoder().encode(`${JSON.stringify({ ...request, call })}\n`)).catch(() => {});
    });
  }

  async #run(): Promise<void> {
    const errors = new Response(this.#child.stderr).text();
    try {
      for await (const line of linesOf(this.#child.stdout)) this.#hear(JSON.parse(line));
    } catch (error) {
      this.#world.fail(error);
    }
    const { code, signal } = await this.#child.status;
    await this.#input.close().catch(() => {});
    const text = await errors;
    if (this.#isAlive) {
      this.#isAlive = false;
      this.#world.fail(new LabFailure(`the process of ${this.#name} ended with ${signal ?? code}: ${text}`));
    }
    for (const end of this.#calls.values()) end(null);
    this.#calls.clear();
    this.#onReady();
  }

  #hear(event: ServerEvent): void {
    switch (event.kind) {
      case "ready":
        return this.#onReady();
      case "reply": {
        const end = this.#calls.get(event.call);
        this.#calls.delete(event.call);
        return end?.(event.value);
      }
      case "state":
        this.#state = { term: event.term, isLeader: event.isLeader };
        return;
      case "failed":
        return this.#world.fail(new LabFailure(`${this.#name} failed: ${event.message}`));
      default:
        return this.heard(event);
    }
  }
}
