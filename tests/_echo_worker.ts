/** A Worker that echoes, counts and fails, for tests of calls. */

import { serveCalls, type Tell } from "../lib/rpc.ts";

/** Types of the calls that it answers. */
export type EchoHandlers = typeof HANDLERS;

const HANDLERS = {
  echo: (text: string): string => text,
  count(to: number, tell: Tell): number {
    for (let i = 0; i < to; i++) tell(i);
    return to;
  },
  fail(name: string): void {
    throw new (name === "RangeError" ? RangeError : Error)("Cannot echo");
  },
  wait: (_request: undefined): Promise<void> => new Promise(() => {}),
  crash(_request: undefined): Promise<void> {
    setTimeout(() => {
      throw new Error("crashed");
    }, 0);
    return new Promise(() => {});
  },
};

serveCalls(HANDLERS);
