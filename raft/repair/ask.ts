/**
 * Asks another node about its log: the side of `protocol.ts` that dialled.
 *
 * @module
 */
import { CborError } from "../encoding/cbor.ts";
import type { Clock } from "../node/clock.ts";
import type { Connection } from "../wire/connection.ts";
import { dial, type DialOutcome } from "../wire/dial.ts";
import type { Hello, HelloReply } from "../wire/hello.ts";
import { wireLimits } from "../wire/limits.ts";
import type { Network } from "../wire/network.ts";
import { decodeReply, encodeRequest, type RepairReply, type RepairRequest } from "./protocol.ts";

/** How long a peer may take to answer one request, in milliseconds. */
const answerTimeoutMs = 3_000;

/** A peer that answers. */
export class AskedPeer implements Disposable {
  /** What the peer said of itself. */
  readonly hello: HelloReply;
  readonly #connection: Connection;
  readonly #clock: Clock;
  #waiting: { resolve(reply: RepairReply): void; reject(error: Error): void } | null = null;

  private constructor(connection: Connection, hello: HelloReply, clock: Clock) {
    this.hello = hello;
    this.#connection = connection;
    this.#clock = clock;
    const { maxPeerFrameBytes, keepaliveMs, frameTimeoutMs } = wireLimits;
    connection.open({ maxFrameBytes: maxPeerFrameBytes, keepaliveMs, frameTimeoutMs, idleTimeoutMs: Infinity }, {
      frame: (item) => {
        const waiting = this.#waiting;
        if (waiting === null) throw new CborError("nobody asked");
        const reply = decodeReply(item.slice());
        this.#waiting = null;
        waiting.resolve(reply);
      },
      closed: (reason) => this.#waiting?.reject(new Error(reason)),
    });
  }

  /** Connects; whoever does not answer is the outcome. */
  static async dial(
    network: Network,
    address: string,
    hello: Hello,
    clock: Clock,
    timeoutMs: number,
  ): Promise<AskedPeer | Exclude<DialOutcome, { kind: "connected" }>> {
    const outcome = await dial(network, address, { hello, clock, limits: wireLimits, timeoutMs });
    return outcome.kind === "connected" ? new AskedPeer(outcome.connection, outcome.reply, clock) : outcome;
  }

  /** Asks; rejects when the connection ends first, or no answer comes in time. One request at a time. */
  async ask(request: RepairRequest): Promise<RepairReply> {
    const { promise, resolve, reject } = Promise.withResolvers<RepairReply>();
    if (!this.#connection.isOpen) throw new Error(this.#connection.closeReason);
    this.#waiting = { resolve, reject };
    this.#connection.send(encodeRequest(request));
    const timer = this.#clock.after(answerTimeoutMs, () => this.#connection.close("it did not answer in time"));
    try {
      return await promise;
    } finally {
      timer.cancel();
      this.#waiting = null;
    }
  }

  /** Hangs up. */
  [Symbol.dispose](): void {
    this.#connection.close("it has been asked");
  }
}
