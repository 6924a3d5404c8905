/**
 * Java virtual machines that run the simulator: one for each open episode, kept for the next one.
 *
 * A machine serves successive episodes, never two at once: the simulator's random numbers, object ids
 * and simplifications belong to the machine. It ends when its standard input is closed, so none outlives
 * the process that started it.
 *
 * @module
 */

import { keepOutput } from "../program_output.ts";
import {
  constructRequest,
  type GatewayConnection,
  type JavaReference,
  openGateway,
  readLines,
} from "./gateway.ts";
import type { SimulatorFiles } from "./files.ts";

/** How a machine is started. */
export interface JavaOptions {
  /** The program. @default {"java"} */
  readonly java?: string;
  /** Heap of a machine, in MiB. @default {256} */
  readonly heap?: number;
}

/** MiB that a machine takes beside its heap, by measurement: classes, compiled code, threads. */
const BESIDE_HEAP = 48;
/** Milliseconds in which a machine must start (on a busy computer too), answer, and end. */
const START_LIMIT = 300_000, CALL_LIMIT = 600_000, END_LIMIT = 5_000;

/** Class of the simulator's interface. */
const INTERFACE = "scienceworld.runtime.pythonapi.PythonInterface";

/** A running machine with a simulator in it. */
export interface JavaMachine {
  /** The simulator. */
  readonly simulator: JavaReference;
  /** Requests to the simulator. Ends the machine and throws if there is no answer in ten minutes. */
  readonly ask: GatewayConnection["ask"];
  /** Process id. */
  readonly pid: number;
  /** Port of 127.0.0.1 on which its gateway listens; it asks for a secret. */
  readonly port: number;
  /** Ends it: by closing its standard input, and after five seconds by a signal. */
  end(): Promise<void>;
  /** Whether the process waits for it: a machine without an episode must not keep it alive. */
  hold(held: boolean): void;
  /** Whether it still runs. */
  readonly running: boolean;
}

/** Arguments of the program: flags that make the simulator deterministic, and the gateway with a secret. */
export function javaArguments(files: SimulatorFiles, heap: number): string[] {
  return [
    // Every identity hash equal: sets of objects keep the order of insertion.
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:hashCode=2",
    "-XX:+UseSerialGC",
    // Without the optimizing compiler, whose memory is larger than its gain in a few hundred turns.
    "-XX:TieredStopAtLevel=1",
    `-Xmx${heap}m`,
    "-Xshare:auto",
    "-cp",
    `${files.gateway}${
      Deno.build.os === "windows" ? ";" : ":"
    }${files.simulator}`,
    "py4j.GatewayServer",
    "--enable-auth",
    "--die-on-broken-pipe",
    "0", // any free port of this machine's own address
  ];
}

/**
 * Starts a machine.
 *
 * @param files The simulator.
 * @param options Program and heap.
 * @returns The machine, connected. Caller ends it.
 * @throws {TypeError} If the program is missing, with the command that installs it, or may not be run.
 * @throws {Error} If it ends or stays silent instead of starting, with what it wrote.
 */
export async function startJava(
  files: SimulatorFiles,
  options: JavaOptions = {},
): Promise<JavaMachine> {
  const { java = "java", heap = 256 } = options;
  const child = spawn(java, {
    args: javaArguments(files, heap),
    cwd: files.folder,
  });
  const stdin = child.stdin.getWriter();
  let running = true;
  const errors = keepOutput(child.stderr);
  const status = child.status.then((status) => {
    running = false;
    return status;
  });
  let connection: Deno.TcpConn | undefined;
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // It has ended already.
    }
  };
  let drained: Promise<void> = Promise.resolve();
  const end = async () => {
    try {
      connection?.close();
    } catch {
      // The stream has closed it.
    }
    await stdin.close().catch(() => undefined);
    const ended = await within(END_LIMIT, status).catch(() => undefined);
    if (ended === undefined) signal("SIGKILL");
    await status;
    await Promise.all([errors.ended, drained]);
  };
  const whatHappened = async (reason: string) => {
    await end();
    const words = errors.text.trim();
    return new Error(
      `Cannot play ScienceWorld as its Java must run: ${reason}${
        words === "" ? "" : `; it wrote: ${words}`
      }`,
    );
  };
  try {
    const lines = readLines(child.stdout, 2 ** 20);
    const first = async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error("it ended before it listened");
      return value;
    };
    const announced = await within(START_LIMIT, first());
    if (!/^\d+$/.test(announced)) {
      // Java refuses some flags on its standard output, in several lines.
      errors.add(`${announced}\n`);
      await within(
        END_LIMIT,
        remaining(lines, (line) => errors.add(`${line}\n`)),
      ).catch(() => undefined);
      throw new Error("it did not name its port");
    }
    const port = Number(announced);
    const token = await within(START_LIMIT, first());
    // Every step prints; a full pipe would stop the machine.
    drained = (async () => {
      for await (const _ of lines);
    })().catch(() => undefined);
    connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const { ask } = await within(START_LIMIT, openGateway(connection, token));
    const open = connection;
    const [simulator] = await within(
      START_LIMIT,
      ask(constructRequest(INTERFACE)),
    );
    if (typeof simulator !== "object" || simulator === null) {
      throw new Error(`${INTERFACE} is not an object`);
    }
    return {
      simulator,
      pid: child.pid,
      port,
      end,
      get running() {
        return running;
      },
      hold(held) {
        if (held) {
          child.ref();
          open.ref();
        } else {
          child.unref();
          open.unref();
        }
      },
      async ask(...requests) {
        try {
          return await within(CALL_LIMIT, ask(...requests));
        } catch (error) {
          if (error instanceof Error && error.name === "JavaError") throw error;
          throw await whatHappened(reasonOf(error));
        }
      },
    };
  } catch (error) {
    throw await whatHappened(reasonOf(error));
  }
}

function spawn(
  java: string,
  { args, cwd }: { readonly args: string[]; readonly cwd: string },
): Deno.ChildProcess {
  try {
    return new Deno.Command(java, {
      args,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new TypeError(
        `Cannot open ScienceWorld as "java" must be a program: current value is ${java}, which is not found; install one of version 17 or later, on Debian with: apt-get install default-jre-headless`,
      );
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new TypeError(
        `Cannot open ScienceWorld as this process must be allowed to run Java and to reach it: add --allow-run=${java} --allow-net=127.0.0.1`,
      );
    }
    throw error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads lines up to the end. */
async function remaining(
  lines: AsyncIterable<string>,
  take: (line: string) => void,
): Promise<void> {
  for await (const line of lines) take(line);
}

/** The promise, or an error after so many milliseconds. */
async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer in ${limit / 1000} s`)),
      limit,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Machines that are kept for the next episode, and a bound of their memory. */
export interface JavaPool extends AsyncDisposable {
  /**
   * Takes a machine, an idle one if there is one.
   *
   * @param options `fresh`: whether it must not have played before; an idle one ends in its favor.
   */
  take(options?: { readonly fresh?: boolean }): Promise<JavaMachine>;
  /** Returns a machine whose episode is over. Waits for its end where it is not kept. */
  give(machine: JavaMachine): Promise<void>;
}

/** How a pool is made. */
export interface JavaPoolOptions extends JavaOptions {
  /** Memory of all machines, in MiB. */
  readonly memory: number;
  /** Idle machines that are kept for the next episode. @default {all} */
  readonly idle?: number;
}

/**
 * Makes a pool.
 *
 * @param files The simulator.
 * @param options Program, heap, memory of all machines, and how many are kept.
 * @returns The pool; disposing it ends its idle machines, and the others when they are given back.
 */
export function createJavaPool(
  files: SimulatorFiles,
  options: JavaPoolOptions,
): JavaPool {
  const { memory, idle: mostIdle = Infinity, ...how } = options;
  const { heap = 256 } = how;
  const most = Math.floor(memory / (heap + BESIDE_HEAP));
  const idle: JavaMachine[] = [], endings = new Set<Promise<void>>();
  let taken = 0, over = false;
  const retire = (machine: JavaMachine) => {
    const ending = machine.end().finally(() => endings.delete(ending));
    endings.add(ending);
    return ending;
  };
  return {
    async take({ fresh = false } = {}) {
      if (taken >= most) {
        throw new RangeError(
          `Cannot open another ScienceWorld as "memory" (${memory} MiB) must hold ${
            heap + BESIDE_HEAP
          } MiB for each open episode: current number is ${taken}; open fewer at once, with rollout.tasks or evaluation.tasks, or raise "memory"`,
        );
      }
      taken++;
      try {
        for (
          let machine = idle.pop();
          machine !== undefined;
          machine = idle.pop()
        ) {
          if (!machine.running) continue;
          machine.hold(true);
          if (!fresh) return machine;
          await retire(machine);
          break;
        }
        return await startJava(files, how);
      } catch (error) {
        taken--;
        throw error;
      }
    },
    async give(machine) {
      taken--;
      if (!machine.running) return;
      if (over || idle.length >= mostIdle) return await retire(machine);
      machine.hold(false);
      idle.push(machine);
    },
    async [Symbol.asyncDispose]() {
      over = true;
      for (const machine of idle.splice(0)) {
        machine.hold(true);
        retire(machine);
      }
      await Promise.all(endings);
    },
  };
}
