/**
 * A server that answers every request with the request, for tests on live sockets.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { CborValue } from "../../../raft/encoding/cbor.ts";
import { type Clock, realClock } from "../../../raft/node/clock.ts";
import { DenoNetwork } from "../../../raft/wire/deno_network.ts";
import type { WireLimits } from "../../../raft/wire/limits.ts";
import { WireListener } from "../../../raft/wire/listener.ts";
import { readAnyBody, RpcClient, type RpcHandler, type RpcOutcome, RpcServer } from "../../../raft/wire/rpc.ts";
import { TcpTransport } from "../../../raft/wire/tcp_transport.ts";
import { until } from "./until.ts";

/** What may differ from a plain echo server. */
export interface EchoServerOptions {
  /** The server's and its client's clock; the machine's by default. */
  readonly clock?: Clock;
  /** Where they differ from the usual ones. */
  readonly limits?: Partial<WireLimits>;
  /** What answers; the echo by default. */
  readonly handler?: RpcHandler;
}

/** Node n1 of the cluster "balsa", with peers n2 and n3, and an honest client connected to it. */
export class EchoServer implements AsyncDisposable {
  /** The port. */
  readonly listener: WireListener;
  /** The honest client. */
  readonly client: RpcClient;
  /** Why connections were refused. */
  readonly problems: string[];
  readonly #transport: TcpTransport;

  private constructor(listener: WireListener, client: RpcClient, problems: string[], transport: TcpTransport) {
    this.listener = listener;
    this.client = client;
    this.problems = problems;
    this.#transport = transport;
  }

  /** Listens on a free port of loopback. */
  static async start(options: EchoServerOptions = {}): Promise<EchoServer> {
    const { clock = realClock, limits = {}, handler = (request, respond) => respond(request) } = options;
    const network = new DenoNetwork();
    const problems: string[] = [];
    const server = new RpcServer(handler, readAnyBody, { clock });
    const peers = { n2: "127.0.0.1:1", n3: "127.0.0.1:1" };
    const random = { next: () => 0.5 };
    const transport = new TcpTransport({ id: "n1", clusterId: "balsa", peers, network, clock, random, limits });
    transport.start(() => {});
    const listener = await WireListener.listen(network, "127.0.0.1:0", {
      clusterId: "balsa",
      nodeId: "n1",
      clock,
      limits,
      isPeer: (id) => transport.isPeer(id),
      onPeer: (connection, id) => transport.accept(connection, id),
      onClient: (connection) => server.accept(connection),
      onProblem: (problem) => problems.push(problem),
    });
    const client = await RpcClient.connect(network, listener.address, { clock, timeoutMs: 5_000 });
    return new EchoServer(listener, client, problems, transport);
  }

  /** A plain connection to the server. */
  async connectRaw(): Promise<Deno.TcpConn> {
    return await Deno.connect({ hostname: "127.0.0.1", port: Number(this.listener.address.split(":")[1]) });
  }

  /** Fails unless the honest client is served. */
  async expectHonestService(): Promise<void> {
    const body: CborValue = ["are you there", performance.now()];
    assertEquals(await callOnce(this.client, body), { kind: "reply", body });
  }

  /** Closes everything and sees it closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.listener.close();
    await this.#transport[Symbol.asyncDispose]();
    await until(() => this.listener.connectionCount === 0);
  }
}

/** A call as a promise. */
export function callOnce(client: RpcClient, body: CborValue): Promise<RpcOutcome> {
  return new Promise((resolve) => client.call(body, resolve));
}

/** Everything that arrives until the other side closes, or resets the connection. */
export async function readToEnd(raw: Deno.TcpConn): Promise<Uint8Array> {
  const parts: number[] = [];
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const count = await raw.read(buffer);
      if (count === null) break;
      parts.push(...buffer.subarray(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return Uint8Array.from(parts);
}
