/**
 * The process of one node of `balsa start`. It needs no third-party package and no permission but its ports and its
 * directory.
 *
 * @module
 */
import { KvServer } from "../kv/mod.ts";
import { runAsChild } from "./run_server.ts";

if (import.meta.main) await runAsChild((options) => KvServer.start(options));
