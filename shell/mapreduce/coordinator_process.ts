/**
 * The process of one coordinator of `balsa mapreduce run`. It needs no third-party package.
 *
 * @module
 */
import { CoordinatorServer } from "../../mapreduce/mod.ts";
import { runAsChild } from "../run_server.ts";

if (import.meta.main) await runAsChild((options) => CoordinatorServer.start(options));
