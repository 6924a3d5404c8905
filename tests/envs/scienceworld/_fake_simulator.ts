/**
 * A gateway in TypeScript that answers as the simulator does, for tests without Java: three rooms, a
 * question, a fatal focus, and a task that a walk completes.
 */

import {
  escapeLine,
  openGateway,
  unescapeLine,
} from "../../../lib/envs/scienceworld/gateway.ts";
import type {
  JavaMachine,
  JavaPool,
} from "../../../lib/envs/scienceworld/java.ts";

/** Serves one connection: requests in, answers out, bytes cut at odd places. */
export function serveGateway(
  answer: (request: readonly string[]) => string,
): {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
} {
  let rest = "", parts: string[] = [];
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        parts.push(line);
        const whole = line === "e" || (parts[0] === "A" && parts.length === 2);
        if (!whole) continue;
        const bytes = encoder.encode(`${answer(parts)}\n`);
        for (let at = 0; at < bytes.length; at += 1021) {
          controller.enqueue(bytes.subarray(at, at + 1021));
        }
        parts = [];
      }
    },
  });
  return { readable, writable };
}

/** What the fake simulator was asked: method and values. */
export type Asked = readonly string[];

/** A pool of one fake machine, what it was asked, and how often it is open. */
export async function fakePool(): Promise<
  {
    pool: JavaPool;
    asked: Asked[];
    open: () => number;
    /** Whether the last machine had to be fresh. */
    fresh: () => boolean;
  }
> {
  const asked: Asked[] = [];
  let open = 0, wasFresh = false;
  const gateway = await openGateway(serveGateway(fakeSimulator(asked)));
  const machine: JavaMachine = {
    simulator: { reference: "o0" },
    pid: 0,
    port: 0,
    running: true,
    ask: gateway.ask,
    hold() {},
    end: () => Promise.resolve(),
  };
  return {
    asked,
    open: () => open,
    fresh: () => wasFresh,
    pool: {
      take({ fresh = false } = {}) {
        wasFresh = fresh;
        open++;
        return Promise.resolve(machine);
      },
      give() {
        open--;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
}

const ROOMS = ["hallway", "kitchen", "workshop"];

function fakeSimulator(asked: Asked[]): (request: Asked) => string {
  let room = "hallway", score = 0, asking = false, moves = 0;
  const lists = new Map<string, readonly string[]>();
  let made = 0;
  const listed = (texts: readonly string[]) => {
    const name = `o${++made}`;
    lists.set(name, texts);
    return `!yl${name}`;
  };
  const valid = () =>
    asking ? ["0", "1"] : [
      ...["focus on Chair", "focus on water"].map((text) => text.toLowerCase()),
      ...ROOMS.filter((name) => name !== room).map((name) => `go to ${name}`),
      ...["look around", "move orange to kitchen", "pick up metal pot"],
      ...["pick up picture", "reset task", "task", "wait"],
    ];
  const step = (text: string) => {
    if (asking) {
      asking = false;
      if (!/^\d+$/.test(text)) moves++;
      return "Door opened.";
    }
    if (text === "open door") {
      asking = true;
      return "Ambiguous request: Please enter the number";
    }
    const place = /^go to (\w+)$/.exec(text)?.[1];
    if (place !== undefined && ROOMS.includes(place)) {
      moves++;
      room = place;
      if (room === "workshop") score = 1;
      else if (room === "kitchen") score = Math.max(score, 1 / 3);
      return `You move to the ${room}.`;
    }
    if (text === "focus on chair") score = -1;
    if (text === "wait") moves += 11;
    return `\tYou did: ${text}\n`;
  };
  return (request) => {
    const [kind, target, method, ...values] = request;
    if (kind === "m") {
      lists.delete(values[0] ?? request[2]!);
      return "!yv";
    }
    if (target === "z:java.lang.String") {
      return `!ys${escapeLine(lists.get(values[1]!.slice(1))!.join("\n"))}`;
    }
    asked.push([method!, ...values.slice(0, -1)]);
    switch (method) {
      case "load":
        [room, score, asking, moves] = ["hallway", 0, false, 0];
        return values[1] === "i7" ? "!ysERROR: no such variation" : "!ys";
      case "getTaskDescription":
        return "!ysYour task is to reach the workshop.";
      case "step":
        return `!ys${escapeLine(step(unescapeLine(values[0]!.slice(1))))}`;
      case "getScore":
        return `!yd${score}`;
      case "getCompleted":
        return `!yb${score === 1}`;
      case "getNumMoves":
        return `!yi${moves}`;
      case "getValidActionObjectCombinations":
        return listed(valid());
      case "getPossibleActions":
        return listed(["go OBJ", "reset task"]);
      case "getPossibleObjects":
        return listed(["chair", "kitchen"]);
      case "getGoldActionSequence":
        return listed([
          "open door to kitchen",
          "go to kitchen",
          "go to workshop",
        ]);
      case "freeActionLook":
        return `!ysThis room is called the ${room}.`;
      case "freeActionInventory":
        return "!ysIn your inventory, you see:\\n\tan orange\\n";
      default:
        return "!xsno such method";
    }
  };
}
