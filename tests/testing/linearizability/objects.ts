/**
 * Objects besides the register of `generate.ts`, written from the tables of their models and from nothing else: what is right
 * must not come from what is tested.
 *
 * @module
 */
import type { JsonValue } from "../../../raft/testing/linearizability/mod.ts";
import { below, pick } from "./random.ts";
import type { Call, SequentialObject } from "./simulate_clients.ts";

/** What a generator of calls is told. */
export interface ObjectOptions {
  readonly random: () => number;
  readonly keys: number;
}

interface Versioned {
  readonly value: string;
  /** 0 while there is no value. */
  readonly version: number;
}

interface VersionedCall extends Call {
  /** The version that a `putIfVersion` asks for. */
  readonly asked: number;
}

const versionedFunctions = [
  ...["getWithVersion", "getWithVersion", "getWithVersion", "putIfVersion", "putIfVersion", "putIfVersion"] as const,
  ...["putIfVersion", "get", "put", "append", "delete"] as const,
];

/** Registers with versions. Answers of `putIfVersion` tell the version or leave it out; some are "maybe". */
export function versionedRegisters({ random, keys }: ObjectOptions): SequentialObject<Versioned, VersionedCall> {
  return {
    initial: { value: "", version: 0 },
    newCall(index, stateOf) {
      const key = `key${below(random, keys)}`;
      const { version } = stateOf(key);
      const asked = random() < 0.7 ? version : below(random, version + 2);
      const f = pick(random, versionedFunctions);
      const text = random() < 0.5 ? `<${index}>` : pick(random, ["a", "b"]);
      if (f === "putIfVersion") return { f, key, asked, value: { value: text, version: asked } };
      return { f, key, asked, value: f === "put" || f === "append" ? text : null };
    },
    step(before, { f, value, asked }) {
      const { version } = before;
      switch (f) {
        case "getWithVersion":
          return [before, { ...before }];
        case "get":
          return [before, before.value];
        case "put":
          return [{ value: String(value), version: version + 1 }, null];
        case "append":
          return [{ value: before.value + String(value), version: version + 1 }, null];
        case "delete":
          return [{ value: "", version: 0 }, null];
        default:
          return putIfVersion(before, value, asked, random);
      }
    },
  };
}

function putIfVersion(
  before: Versioned,
  argument: JsonValue,
  asked: number,
  random: () => number,
): readonly [Versioned, JsonValue] {
  if (asked !== before.version) {
    if (random() < 0.05) return [before, { outcome: "maybe" }];
    if (before.version === 0) return [before, { outcome: "noKey" }];
    return [
      before,
      random() < 0.5 ? { outcome: "versionMismatch" } : {
        outcome: "versionMismatch",
        version: before.version,
      },
    ];
  }
  const text = Object.entries(argument ?? {}).find(([name]) => name === "value")?.[1];
  const after = { value: String(text), version: asked + 1 };
  if (random() < 0.05) return [after, { outcome: "maybe" }];
  return [after, random() < 0.5 ? { outcome: "ok" } : { outcome: "ok", version: after.version }];
}

interface Lock {
  readonly isHeld: boolean;
  /** The last token that was given. */
  readonly token: number;
}

/** Locks. Tokens have gaps; now and then a call names one that its caller was never given. */
export function locks({ random, keys }: ObjectOptions): SequentialObject<Lock, Call> {
  return {
    initial: { isHeld: false, token: 0 },
    newCall(index, stateOf) {
      const key = `lock${below(random, keys)}`;
      const f = pick(random, ["acquire", "acquire", "acquire", "release", "release", "release", "renew"]);
      if (f === "acquire") return { f, key, value: `holder${index}` };
      const { token } = stateOf(key);
      return { f, key, value: random() < 0.75 ? token : Math.max(0, token - 2 + below(random, 6)) };
    },
    step(before, { f, value }) {
      if (f === "acquire") {
        if (before.isHeld) return [before, null];
        const token = before.token + 1 + below(random, 3);
        return [{ isHeld: true, token }, token];
      }
      if (!before.isHeld || before.token !== value) return [before, false];
      if (f === "renew") return [before, true];
      return [{ isHeld: false, token: before.token }, random() < 0.5 ? null : true];
    },
  };
}
