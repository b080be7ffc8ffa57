/**
 * The process of a node that takes snapshots all the time. With `unsynced` as its first argument it loses what was not
 * synced when it is killed: see `unsynced_file_system.ts`.
 *
 * @module
 */
import { KvServer } from "../../kv/mod.ts";
import { realPlatform } from "../../raft/mod.ts";
import { fromArguments } from "../../shell/node_settings.ts";
import { log, serverOptions } from "../../shell/server_options.ts";
import { UnsyncedFileSystem } from "./unsynced_file_system.ts";

const [kind, ...rest] = Deno.args;
const settings = fromArguments(rest);
await KvServer.start({
  ...serverOptions(settings, (reason) => {
    log(`${settings.id} has stopped: ${reason}`);
    Deno.exit(1);
  }),
  // Small, so that segments and snapshots come and go.
  maxRaftState: 100_000,
  ...(kind === "unsynced"
    ? { platform: { ...realPlatform, fileSystem: (directory: string) => new UnsyncedFileSystem(directory) } }
    : {}),
});
console.log(`${settings.id} listens`);
// It ends when whoever started it does.
for await (const _ of Deno.stdin.readable) { /* Nobody says anything. */ }
Deno.exit(0);
