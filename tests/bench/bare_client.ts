/**
 * The processes of the bare replicated append, and its client.
 *
 * @module
 */
import { freePorts } from "../e2e/free_ports.ts";
import { until } from "../e2e/until.ts";
import { replyBytes, requestBytes } from "./bare_append.ts";
import type { Operation } from "./measure.ts";

/** A running bare append. */
export class BareAppend implements AsyncDisposable {
  readonly #processes: readonly Deno.ChildProcess[];
  readonly #directory: string;
  readonly #connection: Deno.TcpConn;
  /** Calls without a reply, by id. */
  readonly #waiting: Map<number, () => void> = new Map();
  /** Ids of the calls that are not sent yet. */
  #toSend: number[] = [];
  #lastId = 0;
  #isSending = false;

  private constructor(processes: readonly Deno.ChildProcess[], directory: string, connection: Deno.TcpConn) {
    this.#processes = processes;
    this.#directory = directory;
    this.#connection = connection;
    connection.setNoDelay(true);
    void this.#receive();
  }

  /** Starts a leader, two followers and a client of them. */
  static async start(): Promise<BareAppend> {
    const directory = await Deno.makeTempDir({ prefix: "balsa-bare-" });
    const [leader = 0, ...followers] = freePorts(3);
    const script = new URL("./bare_append.ts", import.meta.url).href;
    const spawn = (...words: string[]): Deno.ChildProcess =>
      new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-config", script, ...words] }).spawn();
    const processes = followers.map((port) => spawn("follower", `${port}`, `${directory}/${port}`));
    for (const port of followers) await untilListening(port);
    processes.push(spawn("leader", `${leader}`, `${directory}/${leader}`, ...followers.map(String)));
    await untilListening(leader);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: leader });
    return new BareAppend(processes, directory, connection);
  }

  /** Appends 128 bytes. */
  readonly append: Operation = (done) => {
    const id = ++this.#lastId;
    this.#waiting.set(id, done);
    this.#toSend.push(id);
    if (!this.#isSending) {
      this.#isSending = true;
      queueMicrotask(() => this.#send());
    }
  };

  async #send(): Promise<void> {
    while (this.#toSend.length > 0) {
      const bytes = new Uint8Array(this.#toSend.length * requestBytes);
      const view = new DataView(bytes.buffer);
      for (const [position, id] of this.#toSend.entries()) {
        view.setUint32(position * requestBytes, requestBytes - 4);
        view.setUint32(position * requestBytes + 4, id);
      }
      this.#toSend = [];
      for (let sent = 0; sent < bytes.length;) sent += await this.#connection.write(bytes.subarray(sent));
    }
    this.#isSending = false;
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    const view = new DataView(buffer.buffer);
    let filled = 0;
    for (;;) {
      const count = await this.#connection.read(buffer.subarray(filled)).catch(() => null);
      if (count === null) return;
      filled += count;
      let offset = 0;
      for (; filled - offset >= replyBytes; offset += replyBytes) this.#answered(view.getUint32(offset + 4));
      buffer.copyWithin(0, offset, filled);
      filled -= offset;
    }
  }

  #answered(id: number): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.();
  }

  /** Ends the processes and removes their files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    for (const process of this.#processes) {
      process.kill("SIGKILL");
      await process.status;
    }
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function untilListening(port: number): Promise<void> {
  await until(`a listener on port ${port}`, async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
}
