/**
 * The signals that ask a process to end: Ctrl-C, a request of the system's, and a terminal that has gone.
 *
 * @module
 */

/** Each with its number: the exit code of who was ended by it is 128 more. */
export const endings = [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const;
