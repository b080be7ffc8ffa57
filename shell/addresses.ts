/**
 * Reads the addresses that people type: `HOST:PORT`, lists of them, and lists of `ID=HOST:PORT`. Every complaint names
 * the part that is wrong and shows what to write instead.
 *
 * @module
 */
import { UsageError } from "./failure.ts";

/** The two parts of `HOST:PORT`. */
export interface HostAndPort {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 to 65,535. */
  readonly port: number;
}

/** Splits `HOST:PORT`; `[::1]:7001` for IPv6. Returns what is wrong, to complete a sentence, if it cannot. */
export function splitAddress(text: string): HostAndPort | { readonly problem: string } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) return { problem: addressProblem(text) };
  const port = Number(match?.[3]);
  if (port > 65_535) return { problem: `port ${port} does not exist (1 to 65535)` };
  return { host, port };
}

function addressProblem(text: string): string {
  if (text === "") return "an address is missing";
  if (/^[a-z]+:\/\//i.test(text)) return `"${text}" is a URL`;
  if (/\s/.test(text)) return `"${text}" contains a space`;
  const colon = text.lastIndexOf(":");
  if (colon === -1) return `"${text}" has no port`;
  if (colon === 0) return `"${text}" has no host`;
  const port = text.slice(colon + 1);
  if (!/^\d+$/.test(port)) return port === "" ? `"${text}" has no port` : `"${port}" is not a port`;
  return `"${text.slice(0, colon)}" is not a host (an IPv6 address goes between brackets: [::1]:7001)`;
}

/** Checks the value of an option that takes one address. `allowZero` admits port 0, "any free port". */
export function readAddress(option: string, text: string, allowZero = false): string {
  const parts = splitAddress(text.trim());
  if ("problem" in parts) {
    throw new UsageError(`Cannot read ${option} "${text}": ${parts.problem}; write HOST:PORT, such as 127.0.0.1:7001`);
  }
  if (parts.port === 0 && !allowZero) {
    throw new UsageError(`Cannot read ${option} "${text}": port 0 cannot be dialled; write the port it listens on`);
  }
  return text.trim();
}

/** Reads `A,B,C`, each `HOST:PORT`. */
export function readServers(text: string): string[] {
  const servers = text.split(",").map((part) => {
    const parts = splitAddress(part.trim());
    const problem = "problem" in parts ? parts.problem : parts.port === 0 ? "port 0 cannot be dialled" : null;
    if (problem !== null) {
      throw new UsageError(
        `Cannot read --servers "${text}": ${problem}; ` +
          "write HOST:PORT,HOST:PORT,…, such as 127.0.0.1:7001,127.0.0.1:7002",
      );
    }
    return part.trim();
  });
  return [...new Set(servers)];
}

/** Reads `n1=HOST:PORT,n2=HOST:PORT,…`. */
export function readPeers(text: string): Record<string, string> {
  const peers: Record<string, string> = Object.create(null);
  const complain = (problem: string, example: string): never => {
    throw new UsageError(`Cannot read --peers "${text}": ${problem}; write ${example}`);
  };
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const id = part.slice(0, equals).trim();
    const address = part.slice(equals + 1).trim();
    if (part.trim() === "") {
      complain("a peer is missing between two commas or at an end", "ID=HOST:PORT,ID=HOST:PORT,…");
    }
    if (equals === -1) complain(`"${part.trim()}" has no id`, `ID=HOST:PORT, such as n1=${part.trim()}`);
    if (id === "") complain(`"${part.trim()}" has no id before the =`, `ID=HOST:PORT, such as n1=${address}`);
    if (id.length > 64) complain(`the id "${id.slice(0, 16)}…" is ${id.length} characters long`, "at most 64");
    const parts = splitAddress(address);
    if ("problem" in parts) complain(parts.problem, `${id}=HOST:PORT, such as ${id}=127.0.0.1:7001`);
    else if (parts.port === 0) complain(`port 0 of ${id} cannot be dialled`, "the port it listens on");
    if (id in peers) complain(`${id} is named twice`, "each id once");
    peers[id] = address;
  }
  return peers;
}
