/**
 * Balsa, a light Raft: a linearizable key/value store that survives failures, and the means to replicate a state machine
 * of your own.
 *
 * - {@link KvServer} and {@link Clerk}: the key/value store.
 * - {@link ReplicatedStateMachine}: any deterministic machine, replicated.
 *
 * @example Three servers, and a Clerk
 * ```ts
 * import { Clerk, KvServer } from "@balsa/balsa";
 *
 * const peers = { n1: "127.0.0.1:17301", n2: "127.0.0.1:17302", n3: "127.0.0.1:17303" };
 * const dir = await Deno.makeTempDir();
 * await using _n1 = await KvServer.start({ id: "n1", listen: peers.n1, peers, dataDir: `${dir}/n1` });
 * await using _n2 = await KvServer.start({ id: "n2", listen: peers.n2, peers, dataDir: `${dir}/n2` });
 * await using _n3 = await KvServer.start({ id: "n3", listen: peers.n3, peers, dataDir: `${dir}/n3` });
 *
 * await using clerk = new Clerk(Object.values(peers));
 * await clerk.put("color", "blue");
 * await clerk.append("color", "-green");
 * console.log(await clerk.get("color")); // blue-green
 * ```
 *
 * @module
 */
export * from "./raft/mod.ts";
export * from "./kv/mod.ts";
