/**
 * Ports that are found by several processes at the same time.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { freePorts } from "./free_ports.ts";

const module = new URL("./free_ports.ts", import.meta.url).href;

/** Prints 100 ports, one each, and goes on until its input ends. */
const program = `
  import { freePorts } from ${JSON.stringify(module)};
  console.log(JSON.stringify(Array.from({ length: 100 }, () => freePorts(1)[0])));
  await Deno.stdin.readable.pipeTo(new WritableStream());
`;

Deno.test("ports that one process has found are found by no other one as long as it lives", async () => {
  const children = Array.from({ length: 4 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", "--quiet", program],
      ...{ stdin: "piped", stdout: "piped" } as const,
    }).spawn());
  const readers = children.map(({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader());
  const found = await Promise.all(readers.map(async (reader) => {
    const ports: number[] = JSON.parse((await reader.read()).value ?? "");
    return ports;
  }));
  const all = [...found.flat(), ...freePorts(10)];
  for (const [at, { stdin, status }] of children.entries()) {
    await stdin.close();
    await readers[at]?.read();
    await status;
  }
  assertEquals(new Set(all).size, 410);
});
