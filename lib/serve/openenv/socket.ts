/**
 * One WebSocket of a server: frames in order, one reply each, with bounds on what waits.
 *
 * @module
 */

import { errorFrame, FrameError, reason } from "./frames.ts";

/** What answers the frames of a socket. */
export interface FrameHandler {
  /** Answers a frame; `undefined` closes the socket without a reply. */
  answer(text: string): Promise<string | undefined>;
  /** Called once, when the socket is gone. */
  end(): void | Promise<void>;
}

/** Bounds of a socket. */
export interface SocketBounds {
  /** Longest frame, in UTF-16 units. */
  readonly frame: number;
  /** Milliseconds without a request after which the socket is closed; 0 for never. */
  readonly idle: number;
}

/** Requests that may wait for their replies. */
const MOST_WAITING = 1024;
/** Bytes of replies that may wait for the client to read them before the next request is served. */
const MOST_UNREAD = 1 << 20;
/** Milliseconds between looks at a client that does not read. */
const UNREAD_PAUSE = 20;
/** Milliseconds that a refusal stays readable before the socket closes. */
const LINGER = 500;

/** An open socket, for those that keep all of them. */
export interface ServedSocket {
  /** Closes the socket if it was idle for too long. */
  checkIdle(now: number): void;
  /** Closes the socket and frees its session. */
  stop(code: number, why: string): Promise<void>;
}

/**
 * Serves a socket.
 *
 * @param socket A socket that is being opened.
 * @param open Makes what answers, when the socket is open; a {@linkcode FrameError} refuses the client.
 * @param bounds Bounds of frames and of idleness.
 * @param gone Called when the socket is gone.
 * @returns The socket, for idleness and shutdown.
 */
export function serveSocket(
  socket: WebSocket,
  open: () => FrameHandler,
  bounds: SocketBounds,
  gone: () => void,
): ServedSocket {
  const waiting: string[] = [];
  let waitingLength = 0, serving = false, over = false, refused = false;
  let lastUse = performance.now();
  let handler: FrameHandler | undefined;
  let ended: Promise<void> | undefined;

  const end = (): Promise<void> => {
    over = true;
    waiting.length = 0;
    if (ended === undefined) {
      gone();
      ended = Promise.resolve(handler?.end()).catch(() => undefined);
    }
    return ended;
  };
  const close = (code: number, why: string): Promise<void> => {
    try {
      socket.close(code, why);
    } catch {
      // It is closed already.
    }
    return end();
  };
  const fail = (frame: string, code: number, why: string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    void close(code, why);
  };
  const serve = async () => {
    serving = true;
    while (!over) {
      const text = waiting.shift();
      if (text === undefined) break;
      waitingLength -= text.length;
      const reply = await handler!.answer(text).catch((error) =>
        error instanceof FrameError ? error : new FrameError(
          "SESSION_ERROR",
          reason(error),
        )
      );
      while (!over && socket.bufferedAmount > MOST_UNREAD) {
        await new Promise((resolve) => setTimeout(resolve, UNREAD_PAUSE));
      }
      if (over) break;
      lastUse = performance.now();
      if (reply === undefined) void close(1000, "");
      else if (typeof reply === "string") socket.send(reply);
      else if (reply.code === "SESSION_ERROR") fail(reply.frame, 1000, "");
      else socket.send(reply.frame);
    }
    serving = false;
  };

  socket.onopen = () => {
    if (over) return void close(1001, "");
    try {
      handler = open();
    } catch (error) {
      const refusal = error instanceof FrameError
        ? error
        : new FrameError("SESSION_ERROR", reason(error));
      refused = true;
      socket.send(refusal.frame);
      // A client that has not read yet would find a closed socket instead of the reason.
      setTimeout(() => void close(1000, ""), LINGER);
    }
  };
  socket.onmessage = ({ data }) => {
    if (over) return;
    if (refused) return void close(1000, "");
    lastUse = performance.now();
    if (typeof data !== "string") {
      const message = "A frame must be text";
      return fail(errorFrame("SESSION_ERROR", message), 1000, "");
    }
    const long = data.length > bounds.frame;
    if (long || waitingLength + data.length > bounds.frame) {
      const what = long ? "A frame" : "Frames that wait for replies";
      const message = `${what} must have at most ${bounds.frame} characters`;
      return fail(errorFrame("SESSION_ERROR", message), 1009, "too long");
    }
    if (waiting.length >= MOST_WAITING) {
      const message = `At most ${MOST_WAITING} frames may wait for replies`;
      return fail(errorFrame("SESSION_ERROR", message), 1008, "too many");
    }
    waiting.push(data);
    waitingLength += data.length;
    if (!serving) void serve();
  };
  socket.onclose = () => void end();
  socket.onerror = () => void close(1000, "");

  return {
    checkIdle(now) {
      if (bounds.idle === 0 || serving || now - lastUse < bounds.idle) return;
      const message = `Session was idle for ${bounds.idle / 1000} s`;
      fail(errorFrame("SESSION_ERROR", message), 1000, "");
    },
    stop: close,
  };
}
