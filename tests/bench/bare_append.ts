/**
 * The yardstick: a replicated append with nothing of Raft in it. A leader and two followers, each a process, append fixed
 * frames to a file; an append is acknowledged when it is fsynced on the leader and on one follower. Batches are whatever has
 * arrived while the last write was under way. No terms, no log matching, no sessions, no state machine, no encoding: what
 * the machine can do at all.
 *
 *     client -> leader      requests: u32 length of what follows (124), u32 id, 120 bytes of content; pipelined
 *     leader -> followers   the same bytes
 *     follower -> leader    u32: how many frames are durable there, in all
 *     leader -> client      replies: u32 length of what follows (4), u32 id; one for each request
 *
 * Numbers are big-endian. Each frame is looked at by itself, as any protocol must: its length is read, its id is noted and
 * answered.
 *
 * @module
 */

/** Bytes of a request. */
export const requestBytes = 128;
/** Bytes of a reply. */
export const replyBytes = 8;

/** A file that is only appended to, each append durable on return. */
function openLog(path: string): (bytes: Uint8Array) => void {
  const file = Deno.openSync(path, { create: true, write: true, truncate: true });
  return (bytes) => {
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    file.syncDataSync();
  };
}

/** Writes what is queued, all of it at once, one write at a time. */
class Sender {
  readonly #connection: Deno.TcpConn;
  #queue: Uint8Array[] = [];
  #isWriting = false;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
  }

  send(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    if (!this.#isWriting) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      const bytes = join(this.#queue);
      this.#queue = [];
      for (let written = 0; written < bytes.length;) written += await this.#connection.write(bytes.subarray(written));
    }
    this.#isWriting = false;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Calls `onFrames` with whole frames of `frameBytes` only, as many as have arrived. */
async function readFrames(connection: Deno.TcpConn, frameBytes: number, onFrames: (bytes: Uint8Array) => void) {
  const buffer = new Uint8Array(1 << 18);
  let filled = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(filled)).catch(() => null);
    if (count === null) return;
    filled += count;
    const whole = filled - filled % frameBytes;
    if (whole === 0) continue;
    onFrames(buffer.slice(0, whole));
    buffer.copyWithin(0, whole, filled);
    filled -= whole;
  }
}

async function runFollower(port: number, path: string): Promise<void> {
  const append = openLog(path);
  for await (const connection of Deno.listen({ hostname: "127.0.0.1", port })) {
    const sender = new Sender(connection);
    let durable = 0;
    void readFrames(connection, requestBytes, (bytes) => {
      append(bytes);
      durable += bytes.length / requestBytes;
      const reply = new Uint8Array(4);
      new DataView(reply.buffer).setUint32(0, durable);
      sender.send(reply);
    });
  }
}

async function runLeader(port: number, path: string, followerPorts: readonly number[]): Promise<void> {
  const append = openLog(path);
  const acknowledged = followerPorts.map(() => 0);
  let own = 0;
  let replied = 0;
  let client: Sender | null = null;
  /** Ids of the requests that were not answered yet, oldest first. */
  let waiting: number[] = [];
  const reply = (): void => {
    const count = Math.min(own, Math.max(...acknowledged)) - replied;
    if (count <= 0) return;
    replied += count;
    const replies = new Uint8Array(count * replyBytes);
    const view = new DataView(replies.buffer);
    for (const [position, id] of waiting.slice(0, count).entries()) {
      view.setUint32(position * replyBytes, replyBytes - 4);
      view.setUint32(position * replyBytes + 4, id);
    }
    waiting = waiting.slice(count);
    client?.send(replies);
  };
  const followers: Sender[] = [];
  for (const [position, followerPort] of followerPorts.entries()) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: followerPort });
    followers.push(new Sender(connection));
    void readFrames(connection, 4, (bytes) => {
      acknowledged[position] = new DataView(bytes.buffer).getUint32(bytes.length - 4);
      reply();
    });
  }
  for await (const connection of Deno.listen({ hostname: "127.0.0.1", port })) {
    const sender = new Sender(connection);
    void readFrames(connection, requestBytes, (batch) => {
      // Not before: some connect only to see whether anybody listens.
      client = sender;
      const view = new DataView(batch.buffer);
      for (let offset = 0; offset < batch.length; offset += requestBytes) {
        if (view.getUint32(offset) !== requestBytes - 4) {
          throw new Error(`a frame has length ${view.getUint32(offset)}`);
        }
        waiting.push(view.getUint32(offset + 4));
      }
      for (const follower of followers) follower.send(batch);
      append(batch);
      own += batch.length / requestBytes;
      reply();
    });
  }
}

if (import.meta.main) {
  const [role, port, path, ...followerPorts] = Deno.args;
  if (role === "leader") await runLeader(Number(port), path ?? "", followerPorts.map(Number));
  else await runFollower(Number(port), path ?? "");
}
