/**
 * The composition root: the only file that names every concrete class. It opens what a node stands on: its data directory,
 * its connections to the other nodes, and its port, which other nodes and clients share.
 *
 * Everything passes through a {@link Platform}, so that a simulation runs this very composition.
 *
 * @module
 */
import type { Configuration } from "./core/types.ts";
import { realClock } from "./node/clock.ts";
import { defaultTiming, electionTimeoutMs, type NodePorts } from "./node/options.ts";
import { realRandom } from "./node/random.ts";
import type { NodeOptions } from "./open_options.ts";
import { validateNodeOptions } from "./open_options.ts";
import type { Platform } from "./platform.ts";
import { DenoFileSystem } from "./storage/deno_file_system.ts";
import { Admission } from "./rejoin/admission.ts";
import { openStorage } from "./rejoin/open_storage.ts";
import { RepairDesk, sourceOfRunning } from "./repair/desk.ts";
import type { FileStorage } from "./storage/file_storage.ts";
import { DenoNetwork } from "./wire/deno_network.ts";
import { type WireLimits, wireLimits } from "./wire/limits.ts";
import { WireListener } from "./wire/listener.ts";
import type { BodyReader } from "./wire/rpc_codec.ts";
import type { RpcHandler } from "./wire/rpc_server.ts";
import { RpcServer } from "./wire/rpc_server.ts";
import { TcpTransport } from "./wire/tcp_transport.ts";

export { type NodeOptions, NodeOptionsError, validateNodeOptions } from "./open_options.ts";
export type { Platform } from "./platform.ts";
export { RetiredError } from "./rejoin/retired_error.ts";

/** This machine. */
export const realPlatform: Platform = {
  clock: realClock,
  random: realRandom,
  network: new DenoNetwork(),
  fileSystem: (directory) => new DenoFileSystem(directory),
};

/** What a node stands on. Dispose of it after the node has stopped. */
export interface OpenedRaft extends NodePorts, AsyncDisposable {
  /** The data directory. */
  readonly storage: FileStorage;
  /** The connections to the other nodes. */
  readonly transport: TcpTransport;
  /** Where the node listens, with the port the system chose if 0 was asked for. */
  readonly address: string;
}

/** What a node does for clients. */
export interface ClientService<Request> {
  /** Makes a request of a body; see {@link BodyReader}. */
  readonly readRequest: BodyReader<Request>;
  /** Works on it. */
  readonly onRequest: RpcHandler<Request>;
}

/**
 * Opens data directory and port. Rejects with a message for the operator when the options are wrong, the directory belongs
 * to somebody else, or the port is taken; nothing stays open then.
 *
 * `service` serves the client role; without it clients are turned away. It may be called as soon as this resolves.
 */
export async function openRaft<Request = never>(
  options: NodeOptions,
  service?: ClientService<Request>,
): Promise<OpenedRaft> {
  validateNodeOptions(options);
  const { id, dataDir, listen, peers, clusterId = "balsa", platform = realPlatform, onProblem } = options;
  const { clock, random, network, walLimits } = platform;
  const dialled = others(id, peers);
  const reports = onProblem === undefined ? {} : { onProblem };
  const timeoutMs = electionTimeoutMs({ ...defaultTiming, ...options.timing });
  const storage = await openStorage({
    name: id,
    fileSystem: platform.fileSystem(dataDir),
    clusterId,
    initialConfiguration: initialConfiguration(Object.keys(peers)),
    others: dialled,
    electionTimeoutMs: timeoutMs,
    ...{ listen, clock, network, ...reports },
    ...(walLimits === undefined ? {} : { walLimits }),
  });
  const { identity, stamp } = storage.card;
  const admission = new Admission({ card: storage.card, isNew: storage.isNew, others: Object.keys(dialled) });
  const limits = peerLimits(timeoutMs);
  const transport = new TcpTransport({
    ...{ id: identity, clusterId, peers: dialled, network, clock, random, stamp, limits, ...reports },
    judge: (reply) => admission.judgeReply(reply),
    onRefused: (reply) => admission.refused(reply),
    isEager: () => admission.isEager,
    onView: (view) => admission.observe(view),
  });
  const desk = new RepairDesk();
  const rpcServer = service === undefined ? null : new RpcServer(service.onRequest, service.readRequest, { clock });
  try {
    const listener = await WireListener.listen(network, listen, {
      ...{ clusterId, nodeId: identity, clock, ...reports },
      isPeer: (name) => Object.hasOwn(peers, name),
      admit: (hello) => admission.admit(hello),
      knowledge: (hello) => admission.knowledge(hello),
      onPeer: (connection, peer) => transport.accept(connection, peer),
      onRepair: (connection) => desk.accept(connection),
      onClient: (connection) => {
        if (rpcServer !== null) rpcServer.accept(connection);
        else connection.connection.close("this node serves no clients");
      },
    });
    // Whoever has met a later opening of this directory, or another one, says so before anything was promised to them.
    transport.greet();
    return {
      ...{ id: identity, storage, transport, clock, random, admission, address: listener.address, ...reports },
      onState: (state) => desk.open(sourceOfRunning(state)),
      ...(options.timing === undefined ? {} : { timing: options.timing }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      async [Symbol.asyncDispose]() {
        listener.close();
        await transport[Symbol.asyncDispose]();
        await storage[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}

/** The configuration of a cluster that has never run: every member votes. */
function initialConfiguration(names: readonly string[]): Configuration {
  return { voters: [...names].sort(), outgoing: [], learners: [] };
}

/**
 * A cluster is back within a few election timeouts of a healed partition only if its nodes are connected again by then: a
 * dial whose packets went into the partition must be given up, and the next one begun, at that pace. TCP's own, which
 * repeats a lost SYN after 1 s, then 3 s, is slower than an election.
 */
function peerLimits(timeoutMs: number): Partial<WireLimits> {
  const { peerConnectTimeoutMs, minReconnectMs, maxReconnectMs } = wireLimits;
  return {
    peerConnectTimeoutMs: Math.min(peerConnectTimeoutMs, 3 * timeoutMs),
    minReconnectMs: Math.min(minReconnectMs, timeoutMs),
    maxReconnectMs: Math.min(maxReconnectMs, timeoutMs),
  };
}

function others(id: string, peers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(peers).filter(([name]) => name !== id));
}
