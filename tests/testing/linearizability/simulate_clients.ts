/**
 * Clients of an atomic object, simulated: each call takes effect at one instant between its invocation and its return, and only
 * the clients' view is written down. So the history is linearizable, unless the object is given a {@linkcode Fault}.
 *
 * @module
 */
import type { HistoryEvent, JsonValue } from "../../../raft/testing/linearizability/mod.ts";
import { below, pick } from "./random.ts";

/** What a client calls. */
export interface Call {
  readonly f: string;
  readonly key: string;
  readonly value: JsonValue;
}

/** A sequential object, one for each key. */
export interface SequentialObject<State, ItsCall extends Call> {
  /** The state of a key that was never called on. */
  readonly initial: State;
  /** The next call, the `index`-th of all. */
  newCall(index: number, stateOf: (key: string) => State): ItsCall;
  /** What the call does to its key, and how it is answered. */
  step(state: State, call: ItsCall): readonly [after: State, answer: JsonValue];
}

/**
 * What an object does wrong: it answers a call that it forgets, lets one take effect twice, or answers one from the state before
 * the last change.
 */
export type FaultKind = "lost" | "twice" | "stale";

/** A mistake that an object makes now and then. */
export interface Fault {
  readonly kind: FaultKind;
  /** The part of calls that it is made with. */
  readonly share: number;
}

/** What is simulated. */
export interface ClientsOptions<State, ItsCall extends Call> {
  readonly random: () => number;
  readonly object: SequentialObject<State, ItsCall>;
  /** Calls to invoke. */
  readonly operations: number;
  /** Calls open at a time, nearly always. */
  readonly clients: number;
  /** The part of calls that end unknown; half of them take effect. Default: 0. */
  readonly infoShare?: number;
  /** The part of calls that fail without effect. Default: 0. */
  readonly failShare?: number;
  /** Default: none, and the history is linearizable. */
  readonly fault?: Fault;
}

interface Client<ItsCall> {
  process: number;
  call?: ItsCall;
  /** The answer, once the call has taken effect. */
  answer?: JsonValue;
}

/** What the clients saw. */
export function simulateClients<State, ItsCall extends Call>(options: ClientsOptions<State, ItsCall>): HistoryEvent[] {
  const { random, object, infoShare = 0, failShare = 0 } = options;
  const events: HistoryEvent[] = [];
  const store = new Store(options);
  const clients: Client<ItsCall>[] = Array.from({ length: options.clients }, (_, process) => ({ process }));
  let processes = options.clients;
  let invoked = 0;
  /** Unknown calls that have not yet taken effect, and may later. */
  const zombies: ItsCall[] = [];
  const record = ({ process, call }: Client<ItsCall>, type: HistoryEvent["type"], value: JsonValue): void => {
    if (call === undefined) return;
    events.push({ process, type, f: call.f, key: call.key, value, time: events.length * 10 });
  };
  for (;;) {
    if (zombies.length > 0 && random() < 0.05) {
      const zombie = zombies.splice(below(random, zombies.length), 1)[0];
      if (zombie !== undefined) store.apply(zombie);
    }
    const busy = clients.filter((client) => client.call !== undefined);
    if (invoked >= options.operations && busy.length === 0) return events;
    const client = pick(random, invoked >= options.operations ? busy : clients);
    if (client.call === undefined) {
      client.call = object.newCall(invoked++, (key) => store.stateOf(key));
      delete client.answer;
      record(client, "invoke", client.call.value);
    } else if (random() < infoShare) {
      record(client, "info", null);
      if (client.answer === undefined && random() < 0.5) zombies.push(client.call);
      client.process = processes++;
      delete client.call;
    } else if (client.answer === undefined) {
      if (random() < failShare) {
        record(client, "fail", null);
        delete client.call;
      } else client.answer = store.apply(client.call);
    } else {
      record(client, "ok", client.answer);
      delete client.call;
    }
  }
}

/** The states of all keys; calls take effect one at a time. */
class Store<State, ItsCall extends Call> {
  readonly #options: Pick<ClientsOptions<State, ItsCall>, "random" | "object" | "fault">;
  readonly #states = new Map<string, State>();
  /** The state of each key before its last change. */
  readonly #formerStates = new Map<string, State>();

  constructor(options: Pick<ClientsOptions<State, ItsCall>, "random" | "object" | "fault">) {
    this.#options = options;
  }

  stateOf(key: string): State {
    return this.#states.get(key) ?? this.#options.object.initial;
  }

  apply(call: ItsCall): JsonValue {
    const { random, object, fault } = this.#options;
    const kind = fault !== undefined && random() < fault.share ? fault.kind : undefined;
    const before = this.stateOf(call.key);
    const [after, answer] = object.step(before, call);
    if (kind === "lost") return answer;
    const former = this.#formerStates.get(call.key) ?? object.initial;
    this.#states.set(call.key, kind === "twice" ? object.step(after, call)[0] : after);
    if (after !== before) this.#formerStates.set(call.key, before);
    return kind === "stale" ? object.step(former, call)[1] : answer;
  }
}
