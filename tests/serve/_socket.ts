/** A WebSocket client for tests: frames sent, replies awaited in order. */

/** An open socket. */
export interface TestSocket {
  /** Sends a frame, as it is if it is text. */
  send(frame: unknown): void;
  /** The next frame, or how the socket closed. */
  next(): Promise<TestReply>;
  /** Sends a frame and awaits the next reply. */
  ask(frame: unknown): Promise<TestReply>;
  close(): Promise<void>;
  readonly socket: WebSocket;
}

/** A frame of the server, with what tests read of it. */
export interface TestFrame {
  readonly type: string;
  readonly data: {
    readonly observation?: {
      readonly admissible?: readonly string[];
      readonly goal?: string | null;
      readonly metadata?: unknown;
      readonly success?: boolean | null;
      readonly text?: string;
      readonly result?: { readonly data?: unknown };
      readonly error?: { readonly error_type?: string };
    };
    readonly reward?: number | null;
    readonly done?: boolean;
    readonly episode_id?: string;
    readonly seed?: number;
    readonly step_count?: number;
    readonly max_steps?: number | null;
    readonly goal?: string | null;
    readonly code?: string;
    readonly message?: string;
    readonly errors?: readonly { type: string; loc: string[] }[];
    readonly error?: { readonly code?: number };
    readonly result?: unknown;
    readonly active_sessions?: number;
    readonly max_sessions?: number;
  };
}

/** A frame, or the end. */
export interface TestReply {
  readonly frame?: TestFrame;
  readonly closed?: number;
}

/** Opens a socket; resolves when it is open. */
export async function openSocket(
  url: string,
  headers?: Record<string, string>,
): Promise<TestSocket> {
  const socket = new WebSocket(
    url.replace(/^http/, "ws"),
    headers ? { headers } : {},
  );
  const arrived: TestReply[] = [];
  const waiting: ((reply: TestReply) => void)[] = [];
  const give = (reply: TestReply) => {
    const next = waiting.shift();
    if (next) next(reply);
    else arrived.push(reply);
  };
  socket.onmessage = ({ data }) => give({ frame: JSON.parse(data) });
  socket.onclose = ({ code }) => give({ closed: code });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) =>
      reject(new Error((event as ErrorEvent).message));
  });
  socket.onerror = () => {};
  const next = () =>
    new Promise<TestReply>((resolve) => {
      const reply = arrived.shift();
      if (reply) resolve(reply);
      else waiting.push(resolve);
    });
  const send = (frame: unknown) => {
    socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  };
  return {
    socket,
    send,
    next,
    ask(frame) {
      send(frame);
      return next();
    },
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = new Promise<void>((resolve) =>
        socket.addEventListener("close", () => resolve())
      );
      socket.close();
      await closed;
    },
  };
}
