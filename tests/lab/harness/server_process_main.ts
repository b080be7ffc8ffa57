/**
 * The program of a server that runs in a process of its own, to be killed by SIGKILL. Its argument is a `ServerSettings`.
 *
 * @module
 */
import { realClock } from "../../../raft/node/clock.ts";
import { realPlatform } from "../../../raft/open.ts";
import { CounterServer } from "./counter_server.ts";
import { KvLocal } from "./kv_server.ts";
import { RaftServer } from "./raft_server.ts";
import {
  linesOf,
  type ServerEvent,
  type ServerFigures,
  type ServerRequest,
  type ServerSettings,
} from "./server_protocol.ts";
import type { ServerHost } from "./world.ts";

/** Tells the harness. Blocks until it is told: a server that is far ahead of its harness is of no use. */
function tell(event: ServerEvent): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** The world, as a server alone in its process needs it. */
function hostOf({ listen, addresses, dataDir }: ServerSettings): ServerHost {
  return {
    clock: realClock,
    fail: (error) =>
      tell({ kind: "failed", message: error instanceof Error ? error.stack ?? error.message : `${error}` }),
    boot: () => realPlatform,
    crash: (_name, stop) => stop(),
    listenAddress: () => listen,
    addressesFor: () => addresses,
    dataDir: () => dataDir,
  };
}

/** A server of any kind. */
interface Served {
  /** Answers what is particular to the kind. */
  answer(request: ServerRequest): Promise<unknown>;
  /** Present figures. */
  figures(): ServerFigures;
}

async function boot(settings: ServerSettings): Promise<Served> {
  const { name, maxRaftState, takesSnapshots } = settings;
  const world = hostOf(settings);
  const onState = (state: { readonly term: number; readonly isLeader: boolean }): void =>
    tell({ kind: "state", ...state });
  const noAnswer = (): Promise<null> => Promise.resolve(null);
  switch (settings.kind) {
    case "raft": {
      const agreed = {
        apply: (_server: string, { index, term }: { index: number; term: number }, value: string | null) =>
          tell({ kind: "applied", index, term, value }),
        restore: (_server: string, { index, term }: { index: number; term: number }, commands: readonly string[]) =>
          tell({ kind: "restored", index, term, commands }),
      };
      const server = await RaftServer.boot({ world, name, agreed, takesSnapshots, onState });
      return {
        answer: (request) => request.kind === "start" ? server.start(request.command) : noAnswer(),
        figures: () => ({ raftStateBytes: server.raftStateBytes, snapshotBytes: 0, snapshotIndex: 0 }),
      };
    }
    case "counter": {
      const onTotal = (total: number): void => tell({ kind: "total", total });
      const server = await CounterServer.boot({ world, name, maxRaftState, onTotal, onState });
      return {
        answer: async (request) => {
          if (request.kind === "submit") return await server.submit(request.command);
          return request.kind === "shutDown" ? await server.shutDown() : null;
        },
        figures: () => ({
          raftStateBytes: server.raftStateBytes,
          snapshotBytes: 0,
          snapshotIndex: server.snapshotIndex,
        }),
      };
    }
    case "kv": {
      const server = await KvLocal.boot({ world, name, maxRaftState, onState });
      return {
        answer: noAnswer,
        figures: () => {
          const { raftStateBytes, snapshotBytes } = server;
          return { raftStateBytes, snapshotBytes, snapshotIndex: 0 };
        },
      };
    }
  }
}

const settings: ServerSettings = JSON.parse(Deno.args[0] ?? "null");
const served = await boot(settings);
tell({ kind: "ready" });
for await (const line of linesOf(Deno.stdin.readable)) {
  const request: ServerRequest = JSON.parse(line);
  const { call } = request;
  if (request.kind === "refresh") tell({ kind: "reply", call, value: served.figures() });
  else void served.answer(request).then((value = null) => tell({ kind: "reply", call, value }));
}
// The harness has gone.
Deno.exit(0);
