/**
 * Beats of a session, in a Worker of their own: a main thread that computes for minutes does not end the session.
 *
 * @module
 */

/** What the Worker is told. */
export interface HeartbeatOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sessionId: string;
  /** Time between beats, in milliseconds. */
  readonly every: number;
}

/** What the Worker tells: the status of a beat, 0 where there was no reply. */
export interface HeartbeatNews {
  readonly status: number;
}

/** The Worker's side of its messages. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<HeartbeatOrder>) => void) | null;
  postMessage(news: HeartbeatNews): void;
}

async function beat(order: HeartbeatOrder): Promise<number> {
  try {
    const response = await fetch(order.url, {
      method: "POST",
      headers: { ...order.headers, "Content-Type": "application/json" },
      body: JSON.stringify({
        session_id: order.sessionId,
        type: "session_heartbeat",
      }),
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}

const scope = globalThis as typeof globalThis & Partial<WorkerScope>;
if (typeof scope.postMessage === "function") {
  const tell = scope.postMessage.bind(scope) as WorkerScope["postMessage"];
  scope.onmessage = ({ data: order }: MessageEvent<HeartbeatOrder>) => {
    const next = async () => {
      tell({ status: await beat(order) });
      setTimeout(next, order.every);
    };
    next();
  };
}
