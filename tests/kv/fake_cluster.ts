/**
 * A cluster that is no cluster: servers that share one key/value machine and answer as a script tells them. What the wire
 * does and what the machine does is real, so that a Clerk cannot tell the difference.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import { WireListener } from "../../raft/wire/listener.ts";
import { readAnyBody, RpcServer } from "../../raft/wire/rpc.ts";
import { Clerk, type ClerkOptions } from "../../kv/clerk.ts";
import { type KvReply, type KvRequest, outcomeToCbor, replyToCbor, requestFromCbor } from "../../kv/protocol.ts";
import { answerToCbor } from "../../kv/queries.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { WatchService } from "../../kv/watch_service.ts";
import { FakeClock, FakeNetwork } from "./fake_world.ts";

/** What a server does with a request. */
export type Action =
  /** What a leader does. */
  | { readonly kind: "serve" }
  /** Serves, and hangs up before the reply is out. */
  | { readonly kind: "serveAndHangUp" }
  /** Serves, and never says so. */
  | { readonly kind: "serveSilently" }
  /** Serves, after a while. */
  | { readonly kind: "serveAfter"; readonly delayMs: number }
  /** Serves, but answers this. */
  | { readonly kind: "serveAndSay"; readonly reply: KvReply }
  /** Answers this without serving. */
  | { readonly kind: "say"; readonly reply: KvReply }
  /** Sends this, which is no reply of the protocol, without serving. */
  | { readonly kind: "sayRaw"; readonly body: CborValue }
  /** Hangs up without serving. */
  | { readonly kind: "hangUp" }
  /** Does nothing at all. */
  | { readonly kind: "ignore" };

/** A request as a server got it. */
export interface Seen {
  /** The server. */
  readonly address: string;
  /** The request. */
  readonly request: KvRequest;
}

/** See the module. */
export class FakeCluster implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  /** The servers' addresses. */
  readonly addresses: readonly string[];
  /** Requests in the order in which servers got them. */
  readonly seen: Seen[] = [];
  /** The machine that all servers share; replaced to make the cluster forget its sessions. */
  machine = new KvStateMachine();
  /** Decides about each request; by default every server serves. */
  script: (seen: Seen) => Action = () => ({ kind: "serve" });
  readonly #watchServices = new WeakMap<KvStateMachine, WatchService>();
  readonly #listeners = new Map<string, WireListener>();
  #index = 0;

  private constructor(count: number) {
    this.addresses = Array.from({ length: count }, (_, at) => `10.0.0.${at + 1}:7000`);
  }

  static async start(count: number): Promise<FakeCluster> {
    const cluster = new FakeCluster(count);
    for (const address of cluster.addresses) await cluster.startServer(address);
    return cluster;
  }

  async startServer(address: string): Promise<void> {
    const { clock } = this;
    const server = new RpcServer(
      (body, respond, connection) => {
        const seen = { address, request: requestFromCbor(body) };
        this.seen.push(seen);
        this.#act(this.script(seen), seen.request, respond, () => connection.close("as the script says"));
      },
      readAnyBody,
      { clock },
    );
    const listener = await WireListener.listen(this.network, address, {
      clusterId: "fake",
      nodeId: address,
      clock,
      onPeer: () => {},
      onClient: (connection) => server.accept(connection),
    });
    this.#listeners.set(address, listener);
  }

  /** Stops a server, with its connections. */
  stopServer(address: string): void {
    this.#listeners.get(address)?.close();
    this.#listeners.delete(address);
  }

  /** A Clerk of this cluster, whose randomness is constant. */
  clerk(options: ClerkOptions = {}, addresses = this.addresses): Clerk {
    return new Clerk(addresses, { network: this.network, clock: this.clock, random: { next: () => 0 }, ...options });
  }

  /** The writes that servers got, as [server, sessionId, serialNumber, lowestOutstanding]. */
  writesSeen(): [string, number, number, number][] {
    return this.seen.flatMap(({ address, request }) => {
      if (request.kind === "write") {
        return [[address, request.sessionId, request.serialNumber, request.lowestOutstanding]];
      }
      if (request.kind !== "writes") return [];
      const { sessionId, firstSerial, lowestOutstanding } = request;
      return request.operations.map((_, at): [string, number, number, number] => {
        return [address, sessionId, firstSerial + at, lowestOutstanding];
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const address of [...this.#listeners.keys()]) this.stopServer(address);
    return Promise.resolve();
  }

  #act(action: Action, request: KvRequest, respond: (reply: CborValue) => void, hangUp: () => void): void {
    if (action.kind === "serve" && request.kind === "watch") {
      return this.#watchService().handle(request, (reply) => respond(replyToCbor(reply)), { isOpen: true });
    }
    switch (action.kind) {
      case "serve":
        return respond(replyToCbor(this.#serve(request)));
      case "serveAndHangUp":
        this.#serve(request);
        return hangUp();
      case "serveSilently":
        this.#serve(request);
        return;
      case "serveAfter":
        this.clock.after(action.delayMs, () => respond(replyToCbor(this.#serve(request))));
        return;
      case "serveAndSay":
        this.#serve(request);
        return respond(replyToCbor(action.reply));
      case "say":
        return respond(replyToCbor(action.reply));
      case "sayRaw":
        return respond(action.body);
      case "hangUp":
        return hangUp();
      case "ignore":
        return;
    }
  }

  /** Where watches wait; another one for another machine. */
  #watchService(): WatchService {
    const { machine, clock } = this;
    const found = this.#watchServices.get(machine);
    if (found !== undefined) return found;
    const made = new WatchService({
      replica: {
        readWith: (query, _consistency, callback) => callback({ kind: "done", answer: machine.query(query) }),
      },
      history: machine.history,
      clock,
      refuse: () => ({ kind: "unavailable", message: "" }),
    });
    this.#watchServices.set(machine, made);
    return made;
  }

  #serve(request: KvRequest): KvReply {
    if (request.kind === "watch") return { kind: "unavailable", message: "no watch here" };
    if (request.kind === "status") return { kind: "unavailable", message: "no status here" };
    if (request.kind === "read") {
      const { value, version } = this.machine.query({ kind: "get", key: request.key });
      return { kind: "ok", fields: [value, version] };
    }
    if (request.kind === "reads") {
      const results = request.keys.map((key) => this.machine.query({ kind: "get", key }));
      return { kind: "ok", fields: [results.flatMap(({ value, version }) => [value, version])] };
    }
    if (request.kind === "query") {
      const answer = this.machine.query(request.query);
      if ("kind" in answer && answer.kind === "reads") throw new Error("nobody asked for many keys");
      return { kind: "ok", fields: [this.#index, "kind" in answer ? answerToCbor(answer) : null] };
    }
    const context = { index: ++this.#index, term: 1, clusterTimeMs: this.clock.wallMs() };
    const result = this.machine.apply(request, context);
    if (result.kind === "sessionOpened") return { kind: "ok", fields: [result.sessionId] };
    if (result.kind === "writes") return { kind: "ok", fields: [result.outcomes.map(outcomeToCbor)] };
    if (result.kind === "done") return { kind: "ok", fields: [result.number] };
    return result.kind === "written" ? { kind: "ok", fields: [result.version] } : result;
  }
}
