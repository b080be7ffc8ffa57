/**
 * A proxy on the way from one machine to one server, over TCP: it loses, delays and repeats whole frames, and can be cut.
 * A cut link says nothing to anybody: what is sent on it is gone.
 *
 * @module
 */
import { type FrameFaults, judgeFrame } from "../../../raft/testing/frame_faults.ts";
import { kindOfFrame, roleOfHello } from "../../../raft/testing/frame_kind.ts";
import { FrameSplitter } from "../../../raft/testing/frame_splitter.ts";
import type { SeededRandom } from "../../../raft/testing/mod.ts";
import type { ConnectionRole } from "../../../raft/wire/hello.ts";
import type { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import type { Listener, Socket } from "../../../raft/wire/network.ts";

/** What all links share. */
export interface RealNetwork {
  /** Sockets. */
  readonly network: DenoNetwork;
  /** For the faults. */
  readonly random: SeededRandom;
  /** Present faults. */
  faults: FrameFaults;
  /** Requests sent, lost ones included. */
  rpcs: number;
  /** Bytes sent. */
  bytes: number;
}

/** See the module. */
export class RealLink {
  readonly #shared: RealNetwork;
  readonly #target: string;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #listener: Listener;
  #isCut = false;

  /** Listens at once, and connects to `target`. */
  constructor(shared: RealNetwork, target: string) {
    this.#shared = shared;
    this.#target = target;
    // On a port that is not looked for before: another process that looks at the same time could find the same.
    this.#listener = shared.network.listenNow("127.0.0.1:0", (near) => this.#accept(near));
  }

  /** Where it listens. */
  get address(): string {
    return this.#listener.address;
  }

  /** Whether what is sent is lost. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Cuts or mends the link. Connections that were being made on a cut link are broken, for their beginning is lost. */
  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (isCut) return;
    for (const connection of this.#connections) {
      if (connection.isBroken) connection.close("the link was cut");
    }
  }

  /** Closes everything. */
  close(): void {
    this.#listener.close();
    for (const connection of this.#connections) connection.close("the link is closed");
  }

  #accept(near: Socket): void {
    const connection = new ProxiedConnection(this.#shared, near, () => this.#isCut, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    connection.connect(this.#target);
  }
}

/** One connection through the proxy. */
class ProxiedConnection {
  /** Whether a part of the handshake was lost: this connection will never be of use. */
  isBroken = false;
  readonly #shared: RealNetwork;
  readonly #near: Socket;
  readonly #isCut: () => boolean;
  readonly #onClosed: () => void;
  #far: Socket | null = null;
  #role: ConnectionRole | null = null;
  /** Sides (whether the near one) that have sent their first frame, which belongs to the handshake. */
  readonly #greeted = new Set<boolean>();
  #isOpen = true;
  /** What came before the far side was connected. */
  #waiting: Uint8Array[] = [];

  constructor(shared: RealNetwork, near: Socket, isCut: () => boolean, onClosed: () => void) {
    this.#shared = shared;
    this.#near = near;
    this.#isCut = isCut;
    this.#onClosed = onClosed;
    const splitter = new FrameSplitter(true);
    near.start({
      data: (bytes) => splitter.push(bytes.slice(), (unit) => this.#pass(unit, true)),
      closed: (reason) => this.close(reason),
    });
  }

  /** Connects to the far side. */
  connect(target: string): void {
    this.#shared.network.connect(target).then((far) => {
      if (!this.#isOpen) return far.close("the other side has gone");
      this.#far = far;
      const splitter = new FrameSplitter(true);
      far.start({
        data: (bytes) => splitter.push(bytes.slice(), (unit) => this.#pass(unit, false)),
        closed: (reason) => this.close(reason),
      });
      for (const frame of this.#waiting.splice(0)) far.write(frame);
    }, () => this.close("the target does not answer"));
  }

  /** Ends both halves. */
  close(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#near.close(reason);
    this.#far?.close(reason);
    this.#onClosed();
  }

  #pass(frame: Uint8Array, isFromNear: boolean): void {
    if (!this.#isOpen) return;
    const isGreeting = !this.#greeted.has(isFromNear);
    this.#greeted.add(isFromNear);
    const kind = isGreeting ? "other" : kindOfFrame(frame, this.#role, isFromNear);
    if (isGreeting && isFromNear) this.#role = roleOfHello(frame);
    this.#shared.bytes += frame.length;
    if (kind === "request") this.#shared.rpcs++;
    if (this.#isCut()) {
      if (isGreeting) this.isBroken = true;
      return;
    }
    const verdict = judgeFrame(this.#shared.faults, kind, this.#shared.random);
    if (verdict.kind === "drop") return;
    if (verdict.kind === "cut") return this.close("cut within a frame");
    const copies = verdict.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (verdict.extraDelayMs <= 0) this.#forward(frame, isFromNear);
      else setTimeout(() => this.#forward(frame, isFromNear), verdict.extraDelayMs);
    }
  }

  #forward(frame: Uint8Array, isFromNear: boolean): void {
    if (!this.#isOpen) return;
    // A socket keeps what it is given, and a frame may be given twice.
    if (!isFromNear) this.#near.write(frame.slice());
    else if (this.#far === null) this.#waiting.push(frame.slice());
    else this.#far.write(frame.slice());
  }
}
