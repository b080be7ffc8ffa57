/**
 * A process that another one has started, and that does not outlive it: its standard input is held open for as long as its
 * parent lives.
 *
 * @module
 */
import { readLines } from "../batch.ts";

/** Milliseconds a process has to stop cleanly before it is killed. */
const stopTimeoutMs = 3000;
/** Lines of a log that are kept to explain why a process has ended. */
const keptLines = 12;

/** A running process. */
export class Child {
  /** Resolves to its first line on standard output; to null when it ends without one. */
  readonly firstLine: Promise<string | null>;
  /** Resolves to its exit code when it has ended and its log is written. */
  readonly ended: Promise<number>;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: string[] = [];

  private constructor(process: Deno.ChildProcess, logFile: string) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.firstLine = firstLineOf(process.stdout);
    const logged = this.#keepLog(process.stderr, logFile);
    this.ended = process.status.then(async ({ code }) => {
      await logged;
      await this.#input.close().catch(() => {});
      return code;
    });
  }

  /** Starts `deno` with these arguments; what it writes to standard error is added to `logFile`. */
  static spawn(args: readonly string[], logFile: string): Child {
    const command = new Deno.Command(Deno.execPath(), {
      ...{ args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" },
      env: { NO_COLOR: "1" },
    });
    return new Child(command.spawn(), logFile);
  }

  /** The process's id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The last lines of its log. */
  get lastLines(): string {
    return this.#lines.join("\n");
  }

  /** Sends a signal; harmless when it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: "Child process has already terminated".
    }
  }

  /** Asks it to stop, and makes it stop if it does not. */
  async stop(): Promise<void> {
    this.kill("SIGTERM");
    const impatience = setTimeout(() => this.kill("SIGKILL"), stopTimeoutMs);
    await this.ended;
    clearTimeout(impatience);
  }

  /** Ends it at once: for a process that leaves nothing behind that matters. */
  async end(): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }

  async #keepLog(stream: ReadableStream<Uint8Array>, logFile: string): Promise<void> {
    using log = Deno.openSync(logFile, { create: true, append: true, mode: 0o600 });
    const encoder = new TextEncoder();
    for await (const line of readLines(stream)) {
      this.#lines.push(line);
      if (this.#lines.length > keptLines) this.#lines.shift();
      log.writeSync(encoder.encode(`${line}\n`));
    }
  }
}

/** The first line; the rest is read and dropped, so that the writer never waits. */
function firstLineOf(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  const first = Promise.withResolvers<string | null>();
  void (async () => {
    for await (const line of readLines(stream)) first.resolve(line);
    first.resolve(null);
  })();
  return first.promise;
}
