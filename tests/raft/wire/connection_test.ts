/** A connection's times: handshake, pings, silence, idleness, slow frames; on a clock that the test moves. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { CborError } from "../../../raft/encoding/cbor.ts";
import { Connection } from "../../../raft/wire/connection.ts";
import { pingFrame } from "../../../raft/wire/frame.ts";
import { wireLimits } from "../../../raft/wire/limits.ts";
import { ManualClock } from "./manual_clock.ts";
import { microtasks, ScriptedSocket } from "./scripted_network.ts";

const terms = { maxFrameBytes: 1_000, keepaliveMs: 20_000, idleTimeoutMs: 600_000, frameTimeoutMs: 30_000 };

/** A connection with a scripted other side. */
class Fixture {
  readonly clock = new ManualClock();
  readonly socket = new ScriptedSocket();
  readonly items: string[] = [];
  readonly closeReasons: string[] = [];
  readonly connection = new Connection(this.socket, this.clock, wireLimits, this.#handler("hello"));

  /** Past the handshake. */
  open(overrides: Partial<typeof terms> = {}): this {
    this.connection.open({ ...terms, ...overrides }, this.#handler("open"));
    return this;
  }

  #handler(phase: string): { frame(item: Uint8Array): void; closed(reason: string): void } {
    return {
      frame: (item) => {
        if (item[0] === 0xff) throw new CborError("Cannot decode a message: it is nonsense");
        this.items.push(`${phase} ${item.toHex()}`);
      },
      closed: (reason) => this.closeReasons.push(`${phase} ${reason}`),
    };
  }
}

const frame = Uint8Array.fromHex("0000000142");

Deno.test("connection: the handshake has five seconds, however many bytes come", async () => {
  const fixture = new Fixture();
  for (const byte of [0, 0, 1, 0]) {
    fixture.clock.advance(1_000);
    fixture.socket.receive(Uint8Array.of(byte));
  }
  fixture.clock.advance(999);
  assertEquals(fixture.socket.closeReason, null);
  fixture.clock.advance(1);
  assertEquals(fixture.socket.closeReason, "no handshake within 5000 ms");
  await microtasks();
  assertEquals(fixture.closeReasons, ["hello no handshake within 5000 ms"]);
  assertEquals(fixture.clock.pendingTimers, 0);
});

Deno.test("connection: a first frame is at most 4 KiB long", () => {
  const fixture = new Fixture();
  fixture.socket.receive(Uint8Array.fromHex("00001001"));
  assertEquals(fixture.socket.closeReason, "it sent a frame of 4097 bytes: 4096 is the limit");
});

Deno.test("connection: frames of one chunk go to who is in charge when they come", () => {
  const fixture = new Fixture();
  fixture.socket.receive(frame);
  fixture.open();
  fixture.socket.receive(frame);
  assertEquals(fixture.items, ["hello 42", "open 42"]);
});

Deno.test("connection: a ping after 20 s without sending, and none while there is something to say", () => {
  const { clock, socket, connection } = new Fixture().open();
  for (let second = 0; second < 60; second++) {
    clock.advance(1_000);
    socket.receive(pingFrame);
    connection.send(frame);
  }
  assert(socket.written.every((bytes) => bytes === frame));
  socket.written.length = 0;
  for (let second = 0; second < 60; second++) {
    clock.advance(1_000);
    socket.receive(pingFrame);
  }
  assertEquals(socket.written, [pingFrame, pingFrame, pingFrame]);
});

Deno.test("connection: no ping is added to what the other side does not take", () => {
  const { clock, socket } = new Fixture().open();
  socket.queuedBytes = 100;
  clock.advance(25_000);
  assertEquals(socket.written, []);
});

Deno.test("connection: closed after 40 s of silence, not before; pings are sound, and are not shown", async () => {
  const fixture = new Fixture().open();
  const { clock, socket } = fixture;
  for (let ping = 0; ping < 20; ping++) {
    clock.advance(19_000);
    socket.receive(pingFrame);
  }
  clock.advance(39_000);
  assertEquals(socket.closeReason, null);
  clock.advance(6_000);
  assertMatch(socket.closeReason ?? "", /^nothing heard for 4\d000 ms$/);
  await microtasks();
  assertEquals(fixture.items, []);
  assertEquals(fixture.closeReasons.length, 1);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("connection: silence is not held against a side that is not being read", () => {
  const { clock, socket, connection } = new Fixture().open();
  connection.setPaused(true);
  assert(socket.isPaused);
  clock.advance(1_000_000);
  assertEquals(socket.closeReason, null);
  connection.setPaused(false);
  assert(!socket.isPaused);
  clock.advance(39_000);
  assertEquals(socket.closeReason, null);
  clock.advance(6_000);
  assertMatch(socket.closeReason ?? "", /^nothing heard/);
});

Deno.test("connection: closed after ten minutes of nothing but pings", () => {
  const { clock, socket } = new Fixture().open();
  const passPinging = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      clock.advance(10_000);
      socket.receive(pingFrame);
    }
  };
  passPinging(590_000);
  socket.receive(frame);
  passPinging(590_000);
  assertEquals(socket.closeReason, null);
  passPinging(20_000);
  assertMatch(socket.closeReason ?? "", /^idle for 6\d\d000 ms$/);
});

Deno.test("connection: a frame may take 30 s, however its bytes trickle in", () => {
  const { clock, socket } = new Fixture().open();
  socket.receive(Uint8Array.fromHex("00000064"));
  for (let second = 0; second < 29; second++) {
    clock.advance(1_000);
    socket.receive(Uint8Array.of(1));
  }
  assertEquals(socket.closeReason, null);
  for (let second = 0; second < 12; second++) {
    clock.advance(1_000);
    socket.receive(Uint8Array.of(1));
  }
  assertEquals(socket.closeReason, "a frame took more than 30000 ms");
});

Deno.test("connection: many frames, each begun before the last look and ended before the next, are not slow", () => {
  const { clock, socket } = new Fixture().open();
  socket.receive(Uint8Array.fromHex("000000"));
  for (let second = 0; second < 120; second++) {
    clock.advance(1_000);
    socket.receive(Uint8Array.fromHex("0142000000"));
  }
  assertEquals(socket.closeReason, null);
});

Deno.test("connection: a frame that its handler cannot understand ends it, and the rest of the chunk with it", () => {
  const fixture = new Fixture().open();
  fixture.socket.receive(Uint8Array.fromHex("00000001ff0000000142"));
  assertMatch(fixture.socket.closeReason ?? "", /cannot be understood: Cannot decode a message: it is nonsense/);
  assertEquals(fixture.items, []);
});

Deno.test("connection: frames of length 0 and beyond the limit end it", () => {
  for (const [bytes, reason] of [["00000000", /a frame of length 0/], ["000003e9", /a frame of 1001 bytes/]] as const) {
    const { socket } = new Fixture().open();
    socket.receive(Uint8Array.fromHex(bytes));
    assertMatch(socket.closeReason ?? "", reason);
  }
});

Deno.test("connection: once closed it neither sends nor receives, and its owner hears of it once", async () => {
  const fixture = new Fixture().open();
  fixture.connection.close("enough", { flush: true });
  assert(!fixture.connection.isOpen);
  assert(fixture.socket.isFlushed);
  fixture.connection.send(frame);
  fixture.socket.receive(frame);
  fixture.connection.close("again");
  await microtasks();
  assertEquals(fixture.socket.written, []);
  assertEquals(fixture.items, []);
  assertEquals(fixture.closeReasons, ["open enough"]);
  assertEquals(fixture.clock.pendingTimers, 0);
});

Deno.test("connection: an end between the handshake and its opening is told to the new owner", async () => {
  const fixture = new Fixture();
  fixture.socket.hangUp();
  await microtasks();
  assertEquals(fixture.closeReasons, ["hello closed by the other side"]);
  fixture.open();
  await microtasks();
  assertEquals(fixture.closeReasons, ["hello closed by the other side", "open closed by the other side"]);
  assertEquals(fixture.clock.pendingTimers, 0);
});
