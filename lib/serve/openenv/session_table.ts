/**
 * The sessions of a server: how many there are, which socket holds which, and that each serves one request at a time.
 *
 * @module
 */

import { FrameError } from "./frames.ts";
import type { SessionKeeper } from "./json_rpc.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { ServedWorld } from "./served_world.ts";

/** A session with its queue of requests. */
export interface SessionSlot {
  /** The session. */
  readonly session: Session;
  /** Calls a function with the session when all earlier calls are done. */
  run<T>(call: (session: Session) => Promise<T>): Promise<T>;
}

/** Sessions opened over HTTP that no socket has used for so long are ended, in milliseconds. */
const UNATTACHED_LIFE = 3_600_000;

class Slot implements SessionSlot {
  readonly session: Session;
  attached = false;
  closing = false;
  lastUse: number = performance.now();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(session: Session) {
    this.session = session;
  }

  run<T>(call: (session: Session) => Promise<T>): Promise<T> {
    this.lastUse = performance.now();
    const answer = this.#queue.then(() => call(this.session));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }
}

/** All sessions of a server. */
export class SessionTable implements SessionKeeper {
  readonly #slots = new Map<string, Slot>();
  readonly #world: ServedWorld;
  readonly #options: SessionOptions;
  readonly #limit: number;

  constructor(world: ServedWorld, options: SessionOptions, limit: number) {
    this.#world = world;
    this.#options = options;
    this.#limit = limit;
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Opens a session for a socket.
   *
   * @throws {FrameError} If there is no room.
   */
  open(): SessionSlot {
    const slot = this.#add();
    slot.attached = true;
    return slot;
  }

  /**
   * Gives a session that was opened over HTTP to a socket.
   *
   * @throws {FrameError} If there is none of that name, or another socket has it.
   */
  attach(id: string): SessionSlot {
    const slot = this.#slots.get(id);
    if (slot === undefined) {
      throw new FrameError("SESSION_ERROR", `Unknown session_id: ${id}`);
    }
    if (slot.attached) {
      throw new FrameError(
        "SESSION_ERROR",
        `Session already attached: ${id}`,
      );
    }
    slot.attached = true;
    slot.lastUse = performance.now();
    return slot;
  }

  /** Takes a socket's session back: one that was opened over HTTP stays, unless it was closed meanwhile. */
  async release(slot: SessionSlot, stays: boolean): Promise<void> {
    const known = this.#slots.get(slot.session.id);
    if (known === undefined) return;
    known.attached = false;
    known.lastUse = performance.now();
    if (!stays || known.closing) await this.#end(known);
  }

  /** @throws {FrameError} If there is no room. */
  create(): string {
    return this.#add().session.id;
  }

  async close(id: string): Promise<"closed" | "closing" | undefined> {
    const slot = this.#slots.get(id);
    if (slot === undefined) return undefined;
    if (slot.attached) {
      slot.closing = true;
      return "closing";
    }
    await this.#end(slot);
    return "closed";
  }

  use<T>(
    id: string,
    call: (session: Session) => Promise<T>,
  ): Promise<T> | undefined {
    return this.#slots.get(id)?.run(call);
  }

  async once<T>(call: (session: Session) => Promise<T>): Promise<T> {
    const session = new Session(this.#world, this.#options);
    try {
      return await call(session);
    } finally {
      await session.close();
    }
  }

  /** Ends sessions that no socket holds and nobody has used for an hour. */
  async prune(now: number = performance.now()): Promise<void> {
    for (const slot of [...this.#slots.values()]) {
      if (slot.attached || now - slot.lastUse < UNATTACHED_LIFE) continue;
      await this.#end(slot);
    }
  }

  /** Ends every session. */
  async end(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => this.#end(slot)));
  }

  #add(): Slot {
    const active = this.#slots.size, most = this.#limit;
    if (active >= most) {
      throw new FrameError(
        "CAPACITY_REACHED",
        `Server at capacity: ${active}/${most} sessions active. Cannot accept new connections.`,
        { active_sessions: active, max_sessions: most },
      );
    }
    const slot = new Slot(new Session(this.#world, this.#options));
    this.#slots.set(slot.session.id, slot);
    return slot;
  }

  async #end(slot: Slot): Promise<void> {
    this.#slots.delete(slot.session.id);
    await slot.run((session) => session.close()).catch(() => undefined);
  }
}
