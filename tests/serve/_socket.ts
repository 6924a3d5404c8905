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

/** A frame, or the end. */
export interface TestReply {
  // deno-lint-ignore no-explicit-any
  readonly frame?: any;
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
