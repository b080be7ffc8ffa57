/**
 * Ports for tests. A port is found first and used later, often by another process, and again after a restart; meanwhile others,
 * in tests that run at the same time, look for ports, too. So whoever looks has a block of ports of its own for as long as it
 * lives, which it holds by listening on the block's first port. Programs that tests start look elsewhere (`shell/ports.ts`).
 *
 * @module
 */

import { tryListen } from "../../shell/ports.ts";

/** Blocks lie from here on; below, machines have services of their own. */
const firstPort = 10_000;
const blocks = 100;
/** Ports from one block to the next, and those in use of them: a program may take the successors of the port that it is given. */
const blockPorts = 120;
const usedPorts = 110;

/** The block's first port. Held from here on: whoever runs tests ends, and the system lets go of it. */
const guard = holdBlock();
let searched = 0;

function holdBlock(): Deno.TcpListener {
  const start = Math.floor(Math.random() * blocks);
  for (let step = 0; step < blocks; step++) {
    const held = tryListen(firstPort + (start + step) % blocks * blockPorts);
    if (held !== null) return held;
  }
  throw new Error(`Cannot find ports for tests: all ${blocks} blocks from ${firstPort} on are held by others`);
}

/** Ports that nobody listens on right now, and that nobody else will be given. */
export function freePorts(count: number): number[] {
  const held: Deno.TcpListener[] = [];
  try {
    for (let attempt = 0; attempt < usedPorts && held.length < count; attempt++) {
      const listener = tryListen(guard.addr.port + 1 + searched++ % usedPorts);
      if (listener !== null) held.push(listener);
    }
    if (held.length < count) throw new Error(`Cannot find ${count} free ports behind ${guard.addr.port}`);
    return held.map(({ addr }) => addr.port);
  } finally {
    for (const listener of held) listener.close();
  }
}
