/**
 * The process of a node whose state machine executes, some time after it was started, what is not in the log.
 *
 * @module
 */
import { KvServer } from "../../kv/mod.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { runAsChild } from "../../shell/run_server.ts";

/** The command behind which it happens. */
const spoiledBehind = 100;

const { apply } = KvStateMachine.prototype;
let executed = 0;
KvStateMachine.prototype.apply = function (command, context) {
  if (++executed === spoiledBehind) {
    const operation = { kind: "putIfVersion", key: "stray", value: "nobody wrote this", version: 0 } as const;
    apply.call(this, { kind: "sessionlessWrite", operation }, context);
  }
  return apply.call(this, command, context);
};

await runAsChild((options) => KvServer.start(options));
