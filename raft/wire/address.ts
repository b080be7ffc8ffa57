/**
 * Addresses as people write them: `HOST:PORT`, with an IPv6 host in brackets.
 *
 * @module
 */

/** Where to listen or to connect. */
export interface Address {
  /** A name or an IP address, without brackets. */
  readonly hostname: string;
  /** From 0 to 65,535; 0 lets the system choose, when listening. */
  readonly port: number;
}

/** A text that is no address. */
export class AddressError extends Error {
  /** The class name, for logs. */
  override readonly name = "AddressError";
}

/** Reads `HOST:PORT`. Throws {@link AddressError}. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || !(port <= 65_535)) {
    throw new AddressError(`Cannot use the address "${text}": write HOST:PORT, for example 127.0.0.1:7001`);
  }
  return { hostname, port };
}

/** Writes an address so that {@link parseAddress} reads it. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether only processes of the same machine can reach this host. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(hostname);
}
