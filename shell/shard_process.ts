/**
 * The process of one server of a shard group. It needs no third-party package and no permission but its network and its
 * directory.
 *
 * @module
 */
import { ShardServer } from "../kv/mod.ts";
import { shardsFromArguments } from "./node_settings.ts";
import { runAsChild } from "./run_server.ts";

if (import.meta.main) {
  await runAsChild((options) => ShardServer.start({ ...options, ...shardsFromArguments(Deno.args) }));
}
