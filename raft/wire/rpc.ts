/**
 * Requests and replies between clients and nodes: the client's end, the server's end; `rpc_codec.ts` describes what goes
 * over the wire.
 *
 * @module
 */
export { type BodyReader, type BodyReading, type BodyWriter, readAnyBody } from "./rpc_codec.ts";
export { RpcClient, type RpcClientOptions, RpcConnectError, type RpcOutcome } from "./rpc_client.ts";
export { type RpcHandler, RpcServer, type RpcServerConnection, type RpcServerOptions } from "./rpc_server.ts";
