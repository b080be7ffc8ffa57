/**
 * One node as a process of its own: started with no more permissions than it needs, its log kept in a file.
 *
 * @module
 */
import { readLines } from "./batch.ts";
import { CommandFailed } from "./failure.ts";
import { nodeFlags } from "./node_flags.ts";
import { type NodeSettings, toArguments } from "./node_settings.ts";

/** Milliseconds a node has to stop cleanly before it is killed; whatever it acknowledged is on disk either way. */
const stopTimeoutMs = 5000;

/** What a {@link NodeChild} is made of. */
export interface NodeChildOptions {
  /** What the node is told. */
  readonly settings: NodeSettings;
  /** Where its log goes; older lines stay. */
  readonly logFile: string;
  /** Called when it has ended without being asked to. */
  readonly onLost: (child: NodeChild) => void;
}

/** The command line of a node's process. */
export function nodeCommandLine(settings: NodeSettings): string[] {
  const script = settings.shards === undefined
    ? new URL("./node_process.ts", import.meta.url)
    : new URL("./shard_process.ts", import.meta.url);
  const own = [settings.listen, ...Object.values(settings.peers)];
  // Groups that will join later are not known yet: any port of these hosts.
  const hosts = [...own, ...settings.shards?.controllers ?? []].map((address) => address.replace(/:\d+$/, ""));
  const addresses = [...new Set(settings.shards === undefined ? own : hosts)];
  return [
    "run",
    "--quiet",
    "--no-prompt",
    // No configuration and no registry: a node consists of Balsa's own modules only.
    "--no-config",
    "--no-lock",
    ...nodeFlags,
    ...(script.protocol === "file:" ? [] : [`--allow-import=${script.host}`]),
    `--allow-net=${addresses.join(",")}`,
    `--allow-read=${settings.dataDir}`,
    `--allow-write=${settings.dataDir}`,
    script.href,
    ...toArguments(settings),
  ];
}

/** A running node. */
export class NodeChild {
  /** What the node was told. */
  readonly settings: NodeSettings;
  /** Where its log goes. */
  readonly logFile: string;
  /** Resolves when the node listens; rejects with its own explanation when it cannot. */
  readonly listening: Promise<void>;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  /** Lines the node has written to standard error before it listened: why it could not, if it cannot. */
  readonly #firstLines: string[] = [];
  readonly #logEnded: Promise<void>;
  #isListening = false;
  #isStopping = false;

  private constructor(options: NodeChildOptions, process: Deno.ChildProcess, log: Deno.FsFile) {
    this.settings = options.settings;
    this.logFile = options.logFile;
    this.#process = process;
    // Held open for as long as this process lives: its end is how the node learns that we are gone.
    this.#input = process.stdin.getWriter();
    this.#logEnded = this.#keepLog(log);
    this.listening = this.#untilListening();
    this.listening.catch(() => {});
    void process.status.then(() => {
      if (this.#isListening && !this.#isStopping) options.onLost(this);
    });
  }

  /** The process's id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Starts the process. */
  static spawn(options: NodeChildOptions): NodeChild {
    const log = openLog(options.logFile);
    const command = new Deno.Command(Deno.execPath(), {
      args: nodeCommandLine(options.settings),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    return new NodeChild(options, command.spawn(), log);
  }

  /** Asks the node to stop, and makes it stop if it does not. Harmless when it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#kill("SIGTERM");
    const impatience = setTimeout(() => this.#kill("SIGKILL"), stopTimeoutMs);
    await this.#process.status;
    clearTimeout(impatience);
    await this.#logEnded;
    await this.#input.close().catch(() => {});
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: "Child process has already terminated".
    }
  }

  async #untilListening(): Promise<void> {
    for await (const _line of readLines(this.#process.stdout)) {
      // The node says one thing on standard output: that it listens.
      this.#isListening = true;
      return;
    }
    await this.#logEnded;
    const status = await this.#process.status;
    const explanation = this.#firstLines.join("\n");
    throw new CommandFailed(
      explanation === "" ? `Node ${this.settings.id} ended with code ${status.code}` : explanation,
    );
  }

  async #keepLog(log: Deno.FsFile): Promise<void> {
    const encoder = new TextEncoder();
    try {
      for await (const line of readLines(this.#process.stderr)) {
        if (!this.#isListening) this.#firstLines.push(line);
        await log.write(encoder.encode(`${line}\n`));
      }
    } finally {
      log.close();
    }
  }
}

function openLog(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { create: true, append: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(`Cannot write the log ${path}: ${reason}; choose a directory you may write to with --data`);
  }
}
