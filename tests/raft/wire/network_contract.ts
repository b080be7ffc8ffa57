/**
 * What every {@link Network} must do, real or simulated: one suite for all implementations.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Network, Socket } from "../../../raft/wire/network.ts";

/** A network under test, and how its time passes. */
export interface NetworkHarness extends AsyncDisposable {
  /** The implementation. */
  readonly network: Network;
  /** Where one may listen; the port may be 0, and then every listener gets another. */
  readonly listenAddress: string;
  /** An address at which nobody ever listens. */
  readonly deadAddress: string;
  /** Lets time pass until `condition` holds; rejects when it never does. */
  until(condition: () => boolean): Promise<void>;
}

/** One end, with all that happened to it. */
class End {
  readonly socket: Socket;
  /** All bytes that arrived. */
  received = new Uint8Array(0);
  readonly closeReasons: string[] = [];
  /** Called for each chunk, before it is recorded. */
  onData: (bytes: Uint8Array) => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    let isHandedOver = true;
    socket.start({
      data: (bytes) => {
        assert(!isHandedOver, "data within the turn in which the socket was handed over");
        assertEquals(this.closeReasons, [], "data after closed");
        this.onData(bytes);
        const longer = new Uint8Array(this.received.length + bytes.length);
        longer.set(this.received);
        longer.set(bytes, this.received.length);
        this.received = longer;
      },
      closed: (reason) => {
        assert(!isHandedOver, "closed within the turn in which the socket was handed over");
        this.closeReasons.push(reason);
      },
    });
    isHandedOver = false;
  }
}

/** A listener that keeps who comes. */
async function listen(harness: NetworkHarness): Promise<{ address: string; accepted: End[]; close(): void }> {
  const accepted: End[] = [];
  const listener = await harness.network.listen(harness.listenAddress, (socket) => {
    accepted.push(new End(socket));
  });
  return { address: listener.address, accepted, close: () => listener.close() };
}

/** What a promise came to, with time passing meanwhile. */
async function settle<Value>(harness: NetworkHarness, promise: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const settled = promise.finally(() => isSettled = true);
  settled.catch(() => {});
  await harness.until(() => isSettled);
  return await settled;
}

/** A connection: its two ends, and the listener. */
async function connect(harness: NetworkHarness): Promise<{ near: End; far: End; listener: { close(): void } }> {
  const listener = await listen(harness);
  const near = new End(await settle(harness, harness.network.connect(listener.address)));
  await harness.until(() => listener.accepted.length === 1);
  const far = listener.accepted[0];
  assert(far !== undefined);
  return { near, far, listener };
}

/** Bytes that differ from their neighbours, so that a gap or a repeat shows. */
function pattern(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => ((start + at) * 2_654_435_761) >>> 24);
}

/** Closes both ends and sees them closed. */
async function hangUp(harness: NetworkHarness, near: End, far: End, listener: { close(): void }): Promise<void> {
  listener.close();
  near.socket.close("the test is over");
  await harness.until(() => near.closeReasons.length === 1 && far.closeReasons.length === 1);
}

type Check = (harness: NetworkHarness) => Promise<void>;

const checks: Record<string, Check> = {
  async "bytes arrive both ways, whole and in order"(harness) {
    const { near, far, listener } = await connect(harness);
    const sizes = [1, 4, 100, 5_000, 70_000, 1, 300_000];
    let total = 0;
    for (const size of sizes) {
      near.socket.write(pattern(size, total));
      far.socket.write(pattern(size, total));
      total += size;
    }
    await harness.until(() => near.received.length === total && far.received.length === total);
    assertEquals(near.received, pattern(total));
    assertEquals(far.received, pattern(total));
    await harness.until(() => near.socket.queuedBytes === 0 && far.socket.queuedBytes === 0);
    await hangUp(harness, near, far, listener);
  },

  async "many writes over many turns keep their order"(harness) {
    const { near, far, listener } = await connect(harness);
    const turns = 300;
    for (let turn = 0; turn < turns; turn++) {
      near.socket.write(pattern(10, turn * 20));
      near.socket.write(pattern(10, turn * 20 + 10));
      if (turn % 10 === 0) await Promise.resolve();
    }
    await harness.until(() => far.received.length === turns * 20);
    assertEquals(far.received, pattern(turns * 20));
    await hangUp(harness, near, far, listener);
  },

  async "the handler may answer from within data"(harness) {
    const { near, far, listener } = await connect(harness);
    far.onData = (bytes) => far.socket.write(bytes.slice());
    near.socket.write(pattern(100_000));
    await harness.until(() => near.received.length === 100_000);
    assertEquals(near.received, pattern(100_000));
    await hangUp(harness, near, far, listener);
  },

  async "close is told to both ends, once each, and never at once"(harness) {
    const { near, far, listener } = await connect(harness);
    near.socket.close("had enough");
    assertEquals(near.closeReasons, []);
    near.socket.close("again");
    near.socket.write(pattern(10));
    await harness.until(() => near.closeReasons.length > 0 && far.closeReasons.length > 0);
    far.socket.write(pattern(10));
    far.socket.close("too late");
    await hangUp(harness, near, far, listener);
    assertEquals(near.closeReasons, ["had enough"]);
    assertEquals(far.closeReasons.length, 1);
    assert(far.closeReasons[0] !== "" && far.closeReasons[0] !== "too late");
    assertEquals(far.received.length, 0);
  },

  async "close with flush delivers what was written, and nothing that was written after it"(harness) {
    const { near, far, listener } = await connect(harness);
    far.onData = (bytes) => far.socket.write(bytes.slice());
    near.socket.write(pattern(400_000));
    near.socket.close("said it all", { flush: true });
    near.socket.write(pattern(10));
    await harness.until(() => far.closeReasons.length > 0 && near.closeReasons.length > 0);
    assertEquals(far.received, pattern(400_000));
    assertEquals(near.closeReasons, ["said it all"]);
    assertEquals(near.received.length, 0, "data after close");
    listener.close();
  },

  async "close from within data ends it there"(harness) {
    const { near, far, listener } = await connect(harness);
    far.onData = () => far.socket.close("no more");
    near.socket.write(pattern(10));
    await harness.until(() => far.closeReasons.length > 0 && near.closeReasons.length > 0);
    assertEquals(far.closeReasons, ["no more"]);
    listener.close();
  },

  async "a paused end hears nothing until it resumes, and then everything"(harness) {
    const { near, far, listener } = await connect(harness);
    far.socket.setPaused(true);
    near.socket.write(pattern(200_000));
    // Something that takes the same way shows when the bytes would have been there.
    const beside = await connect(harness);
    beside.far.onData = (bytes) => beside.far.socket.write(bytes.slice());
    for (let trip = 1; trip <= 20; trip++) {
      beside.near.socket.write(pattern(1));
      await harness.until(() => beside.near.received.length === trip);
    }
    assertEquals(far.received.length, 0);
    far.socket.setPaused(false);
    await harness.until(() => far.received.length === 200_000);
    assertEquals(far.received, pattern(200_000));
    await hangUp(harness, beside.near, beside.far, beside.listener);
    await hangUp(harness, near, far, listener);
  },

  async "a paused end can be closed"(harness) {
    const { near, far, listener } = await connect(harness);
    far.socket.setPaused(true);
    near.socket.write(pattern(1_000));
    far.socket.close("not interested");
    await harness.until(() => far.closeReasons.length > 0 && near.closeReasons.length > 0);
    assertEquals(far.received.length, 0);
    listener.close();
  },

  async "connecting to nobody fails"(harness) {
    await assertRejects(() => settle(harness, harness.network.connect(harness.deadAddress)), Error);
  },

  async "connecting stops when it is aborted, before or while it is under way"(harness) {
    const listener = await listen(harness);
    const reason = new Error("changed my mind");
    const before = AbortSignal.abort(reason);
    const error = await assertRejects(() =>
      settle(harness, harness.network.connect(listener.address, { signal: before }))
    );
    assertStrictEquals(error, reason);
    const controller = new AbortController();
    const attempt = harness.network.connect(listener.address, { signal: controller.signal });
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => settle(harness, attempt)), reason);
    listener.close();
    for (const end of listener.accepted) await harness.until(() => end.closeReasons.length > 0);
  },

  async "an abort after the connection stands changes nothing"(harness) {
    const listener = await listen(harness);
    const controller = new AbortController();
    const attempt = harness.network.connect(listener.address, { signal: controller.signal });
    const near = new End(await settle(harness, attempt));
    await harness.until(() => listener.accepted.length === 1);
    const far = listener.accepted[0];
    assert(far !== undefined);
    controller.abort(new Error("too late"));
    near.socket.write(pattern(10));
    await harness.until(() => far.received.length === 10);
    await hangUp(harness, near, far, listener);
  },

  async "an address can be listened on once"(harness) {
    const listener = await listen(harness);
    await assertRejects(() => settle(harness, harness.network.listen(listener.address, () => {})), Error);
    listener.close();
  },

  async "a closed listener leaves its connections alone and takes no more"(harness) {
    const listener = await listen(harness);
    const near = new End(await settle(harness, harness.network.connect(listener.address)));
    await harness.until(() => listener.accepted.length === 1);
    listener.close();
    listener.close();
    await assertRejects(() => settle(harness, harness.network.connect(listener.address)), Error);
    const far = listener.accepted[0];
    assert(far !== undefined);
    near.socket.write(pattern(10));
    await harness.until(() => far.received.length === 10);
    await hangUp(harness, near, far, listener);
    const again = await settle(harness, harness.network.listen(listener.address, () => {}));
    assertEquals(again.address, listener.address);
    again.close();
  },

  async "a hundred connections do not mix"(harness) {
    const listener = await listen(harness);
    const near = await settle(
      harness,
      Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const end = new End(await harness.network.connect(listener.address));
          end.socket.write(pattern(100, at));
          return end;
        }),
      ),
    );
    await harness.until(() => listener.accepted.length === 100);
    const isComplete = (end: End): boolean => end.received.length === 100;
    await harness.until(() => listener.accepted.every(isComplete));
    for (const far of listener.accepted) far.socket.write(far.received);
    await harness.until(() => near.every(isComplete));
    for (const [at, end] of near.entries()) assertEquals(end.received, pattern(100, at));
    listener.close();
    for (const end of near) end.socket.close("the test is over");
    await harness.until(() => [...near, ...listener.accepted].every((end) => end.closeReasons.length === 1));
  },
};

/** Runs the suite on an implementation; `create` makes a fresh one for each test. */
export function networkContract(name: string, create: () => NetworkHarness | Promise<NetworkHarness>): void {
  for (const [title, check] of Object.entries(checks)) {
    Deno.test(`${name}: ${title}`, async () => {
      await using harness = await create();
      await check(harness);
    });
  }
}
