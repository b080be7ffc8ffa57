/**
 * Keeps the real world out of a simulation: while one runs, the functions that read a real clock, real randomness or set a
 * real timer throw, and name the port to use instead. One such call makes a seed worthless, so it is better found at once.
 *
 * @module
 */

/** Thrown by a function of the real world that was called inside a simulation. */
export class RealWorldError extends Error {
  /** The class name, for logs. */
  override readonly name = "RealWorldError";
}

interface Forbidden {
  readonly owner: object;
  readonly name: string;
  readonly label: string;
  readonly instead: string;
}

const forbidden: readonly Forbidden[] = [
  { owner: globalThis, name: "setTimeout", label: "setTimeout", instead: "Clock.after" },
  { owner: globalThis, name: "setInterval", label: "setInterval", instead: "Clock.after" },
  { owner: globalThis, name: "fetch", label: "fetch", instead: "Network.connect" },
  { owner: AbortSignal, name: "timeout", label: "AbortSignal.timeout", instead: "Clock.after and an AbortController" },
  { owner: Date, name: "now", label: "Date.now", instead: "Clock.wallMs" },
  { owner: performance, name: "now", label: "performance.now", instead: "Clock.monotonicMs" },
  { owner: Math, name: "random", label: "Math.random", instead: "Random.next" },
  { owner: crypto, name: "getRandomValues", label: "crypto.getRandomValues", instead: "Random.next" },
  { owner: crypto, name: "randomUUID", label: "crypto.randomUUID", instead: "Random.next" },
];

/** `Date` without the present: it makes a date from arguments only. */
function dateWithoutNow(real: DateConstructor): DateConstructor {
  const refuse = refusal("Date without arguments", "Clock.wallMs");
  return new Proxy(real, {
    construct: (target, args, newTarget) => args.length === 0 ? refuse() : Reflect.construct(target, args, newTarget),
    apply: refuse,
  });
}

function refusal(label: string, instead: string): () => never {
  return () => {
    throw new RealWorldError(`Cannot call ${label} in a simulation: use ${instead} of the platform`);
  };
}

let depth = 0;
let restore: (() => void)[] = [];

/** Puts up the guard; it stands until as many {@link lowerGuard} calls. */
export function raiseGuard(): void {
  if (depth++ > 0) return;
  for (const { owner, name, label, instead } of forbidden) replace(owner, name, refusal(label, instead));
  replace(globalThis, "Date", dateWithoutNow(Date));
}

function replace(owner: object, name: string, value: unknown): void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
    value,
  });
  // An inherited function comes back by itself once the own property is gone.
  restore.push(() => {
    if (own === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, own);
  });
}

/** Takes the guard down again. */
export function lowerGuard(): void {
  if (--depth > 0) return;
  for (const undo of restore.reverse()) undo();
  restore = [];
}
