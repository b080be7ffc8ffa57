/**
 * What a node is started with, and how one process hands it to another on a command line.
 *
 * @module
 */
import { readAddress, readPeers, readServers } from "./addresses.ts";
import { UsageError } from "./failure.ts";

/** What `balsa node` is told. */
export interface NodeSettings {
  /** This node's name; one of the names in `peers`. */
  readonly id: string;
  /** Where it listens, `HOST:PORT`. */
  readonly listen: string;
  /** Where it dials each member, itself among them. */
  readonly peers: Readonly<Record<string, string>>;
  /** Its data directory. */
  readonly dataDir: string;
  /** The cluster's name; nodes of different clusters refuse each other. */
  readonly clusterId: string;
  /** Listen beyond this machine although nobody is asked who they are. */
  readonly isInsecure: boolean;
  /** What a server of a shard group is told besides. */
  readonly shards?: ShardSettings;
}

/** To which group a server belongs, and where the controller is. */
export interface ShardSettings {
  /** The group's number. */
  readonly group: number;
  /** The controller's servers, `HOST:PORT`. */
  readonly controllers: readonly string[];
}

/** The cluster's name when none is given. */
export const defaultClusterId = "balsa";

/** Reads the options of `balsa node`. Whether they fit together is for the node to say when it starts. */
export function readNodeSettings(options: {
  readonly id: string;
  readonly listen: string;
  readonly peers: string;
  readonly data: string;
  readonly cluster: string;
  readonly insecure: boolean;
}): NodeSettings {
  const peers = readPeers(options.peers);
  if (options.data === "") throw new UsageError("Cannot start a node: --data is empty; write a directory");
  return {
    id: options.id,
    listen: readAddress("--listen", options.listen, true),
    peers,
    dataDir: options.data,
    clusterId: options.cluster,
    isInsecure: options.insecure,
  };
}

/** The settings as arguments of a process. */
export function toArguments(settings: NodeSettings): string[] {
  const peers = Object.entries(settings.peers).map(([id, address]) => `${id}=${address}`).join(",");
  const { shards } = settings;
  const more = shards === undefined ? [] : [String(shards.group), shards.controllers.join(",")];
  return [settings.id, settings.listen, peers, settings.dataDir, settings.clusterId, ...more];
}

/** The settings that {@link toArguments} turned into arguments. */
export function fromArguments(words: readonly string[]): NodeSettings {
  const [id, listen, peers, data, cluster] = words;
  if (id === undefined || listen === undefined || peers === undefined || data === undefined || cluster === undefined) {
    throw new UsageError("Cannot start a node: five arguments are needed: ID LISTEN PEERS DATA CLUSTER");
  }
  return readNodeSettings({ id, listen, peers, data, cluster, insecure: false });
}

/** Behind those: what {@link toArguments} said of the shard group. */
export function shardsFromArguments(words: readonly string[]): ShardSettings {
  const [group, controllers] = words.slice(5);
  if (group === undefined || controllers === undefined) {
    throw new UsageError("Cannot start a server of a shard group: two more arguments are needed: GROUP CONTROLLERS");
  }
  return { group: Number(group), controllers: readServers(controllers) };
}
