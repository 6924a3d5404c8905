/**
 * One page of the benchmark in a browser: its own context, no network, and a clock that only runs when it is
 * told to.
 *
 * @module
 */

import type { Browser } from "./browser.ts";
import type { DevtoolsEvent } from "./devtools.ts";
import { contentType, type PageFiles } from "./pages.ts";
import type { AccessibleNode, DocumentSnapshot } from "./snapshot.ts";

/** Address of the pages; no name server knows it. */
const ORIGIN = "http://miniwob.test";
/** The page's clock at the start: 1 January 2017, UTC; in seconds. */
const START_OF_TIME = 1_483_228_800;
/** Milliseconds of the page's clock that an action takes. */
export const TURN_MILLISECONDS = 500;
/** Milliseconds in which a page must load, on a busy machine too. */
const LOAD_LIMIT = 120_000;
/** Size of the window: the task's 160 × 210 with its margin. */
const WINDOW = { width: 332, height: 214 };
/** Dialogs would stop the page: they are answered before they open. */
const NO_DIALOGS =
  `for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
  Object.defineProperty(window, name, { value: () => undefined });
}`;

/** Tells the {@linkcode SHIFTED_CLOCK} of a page what time it is. */
const SET_CLOCK = 'Date[Symbol.for("hiper.start")]';
/**
 * A clock that can be set: the browser's own cannot be put back to the start when a page is used again, as it belongs
 * to the process.
 */
const SHIFTED_CLOCK = `{
  const Real = Date;
  let shift = 0;
  const now = () => Real.now() - shift;
  const start = (time) => { shift = Real.now() - time; };
  Object.defineProperty(Real, Symbol.for("hiper.start"), { value: start });
  window.Date = new Proxy(Real, {
    apply: () => new Real(now()).toString(),
    construct: (target, values, made) =>
      Reflect.construct(target, values.length === 0 ? [now()] : values, made),
    get: (target, name) => name === "now" ? now : Reflect.get(target, name),
  });
  Real.prototype.constructor = window.Date;
}`;

/** What is loaded. */
export interface PageOptions {
  /** Name of the page: `click-test`. */
  readonly task: string;
  /** Seed of the episode. */
  readonly seed: number;
  /** Which of the page's data. */
  readonly mode: "train" | "test" | "default";
  /** Limit of the page's own clock, in milliseconds. */
  readonly maxTime: number;
}

/** What the page says of the episode. */
export interface PageOutcome {
  /** Whether it is over. */
  readonly done: boolean;
  /** Reward in `[-1, 1]`, without the share of time. */
  readonly raw: number;
  /** Reward as the page pays it, scaled by time. */
  readonly reward: number;
  /** Why it ended, where the page says so. */
  readonly reason: string | null;
}

/** Utterance of the task, and its fields where the page gives them. */
export interface PageTask {
  /** The task in words. */
  readonly utterance: string;
  /** Values that the task names, by field. */
  readonly fields: Readonly<Record<string, string>>;
}

/** An open page. */
export class Page implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #context: string;
  readonly #session: string;
  readonly #stop: () => void;
  readonly #reusable: boolean;
  #loads = 0;

  private constructor(
    browser: Browser,
    names: {
      context: string;
      session: string;
      stop: () => void;
      reusable: boolean;
    },
  ) {
    this.#browser = browser;
    this.#context = names.context;
    this.#session = names.session;
    this.#stop = names.stop;
    this.#reusable = names.reusable;
  }

  /**
   * Opens a page and begins its episode.
   *
   * @param browser The browser.
   * @param files The benchmark's files.
   * @param options Which page and seed; and whether it can be used again for another episode.
   * @returns The page, and what it asks for. Caller disposes.
   */
  static async open(
    browser: Browser,
    files: PageFiles,
    options: PageOptions & { readonly reusable?: boolean },
  ): Promise<{ page: Page; task: PageTask }> {
    const { connection } = browser;
    const { reusable = false } = options;
    const { browserContextId: context } = await connection.call<
      { browserContextId: string }
    >("Target.createBrowserContext", { disposeOnDetach: true });
    try {
      const { targetId } = await connection.call<{ targetId: string }>(
        "Target.createTarget",
        { url: "about:blank", browserContextId: context },
      );
      const { sessionId: session } = await connection.call<
        { sessionId: string }
      >("Target.attachToTarget", { targetId, flatten: true });
      const stop = connection.listen(session, (event) => {
        serve(browser, files, event);
      });
      const page = new Page(browser, { context, session, stop, reusable });
      await page.#prepare();
      return { page, task: await page.begin(options) };
    } catch (error) {
      await connection.call("Target.disposeBrowserContext", {
        browserContextId: context,
      }).catch(() => undefined);
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    await Promise.all([
      this.call("Page.enable"),
      this.call("Runtime.enable"),
      this.call("Emulation.setDeviceMetricsOverride", {
        ...WINDOW,
        deviceScaleFactor: 1,
        mobile: false,
      }),
      this.call("Emulation.setTimezoneOverride", { timezoneId: "UTC" }),
      this.call("Emulation.setLocaleOverride", { locale: "en-US" }),
      this.call("Emulation.setFocusEmulationEnabled", { enabled: true }),
      this.call("Page.addScriptToEvaluateOnNewDocument", {
        source: this.#reusable ? `${NO_DIALOGS}\n${SHIFTED_CLOCK}` : NO_DIALOGS,
      }),
      this.call("Fetch.enable", { patterns: [{ urlPattern: "*" }] }),
    ]);
  }

  /**
   * Loads a page and begins its episode; again only where the page is reusable, and its episode over.
   *
   * @param options Which page and seed.
   * @returns What it asks for.
   */
  async begin(options: PageOptions): Promise<PageTask> {
    const { task, seed, mode, maxTime } = options;
    if (this.#loads++ > 0) {
      // The pointer rests where a new page has nothing; a page loads only while the clock runs.
      await Promise.all([
        this.call("Input.dispatchMouseEvent", {
          ...{ type: "mouseMoved", x: WINDOW.width - 1, y: WINDOW.height - 1 },
        }),
        this.call("Storage.clearDataForOrigin", {
          ...{ origin: ORIGIN, storageTypes: "all" },
        }),
        this.call("Emulation.setVirtualTimePolicy", { policy: "advance" }),
      ]);
    }
    const loaded = this.#browser.connection.event(
      this.#session,
      "Page.loadEventFired",
      LOAD_LIMIT,
    );
    loaded.catch(() => undefined);
    const { errorText } = await this.call<{ errorText?: string }>(
      "Page.navigate",
      { url: `${ORIGIN}/miniwob/${task}.html` },
    );
    if (errorText !== undefined) {
      throw new Error(
        `Cannot open the page ${task} as it must load: ${errorText}`,
      );
    }
    await loaded;
    // Set before the page has loaded, it can stop the loading.
    await this.call("Emulation.setVirtualTimePolicy", {
      policy: "pause",
      initialVirtualTime: START_OF_TIME,
    });
    const begun = await this.evaluate<
      { utterance: string; fields: Record<string, unknown> }
    >(
      `${this.#reusable ? `${SET_CLOCK}(${1000 * START_OF_TIME});` : ""}
       Math.seedrandom(${seed}); core.EPISODE_MAX_TIME = ${maxTime};
       core.setDataMode(${JSON.stringify(mode)}); core.startEpisodeReal();
       (() => {
         const asked = core.getUtterance();
         return typeof asked === "string"
           ? { utterance: asked, fields: {} }
           : { utterance: String(asked.utterance), fields: asked.fields ?? {} };
       })()`,
    );
    await this.advance();
    const fields = Object.fromEntries(
      Object.entries(begun.fields).map((
        [name, value],
      ) => [name, String(value)]),
    );
    return { utterance: begun.utterance, fields };
  }

  /** Calls a method of the page's session. */
  call<Result = Record<string, unknown>>(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Result> {
    return this.#browser.connection.call<Result>(method, params, this.#session);
  }

  /**
   * Evaluates an expression in the page.
   *
   * @typeParam Result What it gives; trusted.
   * @param expression JavaScript.
   * @returns Its value.
   * @throws {Error} If it throws.
   */
  async evaluate<Result>(expression: string): Promise<Result> {
    const { result, exceptionDetails } = await this.call<{
      result: { value: Result };
      exceptionDetails?: {
        text?: string;
        exception?: { description?: string };
      };
    }>("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) {
      const { text, exception } = exceptionDetails;
      throw new Error(
        `the page failed: ${exception?.description ?? text ?? "an error"}`,
      );
    }
    return result.value;
  }

  /** Calls a function with an element as `this`. */
  async callOn(
    backendNodeId: number,
    functionDeclaration: string,
    values: readonly unknown[] = [],
  ): Promise<void> {
    const { object } = await this.call<{ object: { objectId: string } }>(
      "DOM.resolveNode",
      { backendNodeId },
    );
    await this.call("Runtime.callFunctionOn", {
      functionDeclaration,
      objectId: object.objectId,
      arguments: values.map((value) => ({ value })),
    });
    await this.call("Runtime.releaseObject", { objectId: object.objectId });
  }

  /** Lets the page's clock run for one turn, or so many milliseconds; it stands at all other times. */
  async advance(budget = TURN_MILLISECONDS): Promise<void> {
    const over = this.#browser.connection.event(
      this.#session,
      "Emulation.virtualTimeBudgetExpired",
    );
    over.catch(() => undefined);
    await this.call("Emulation.setVirtualTimePolicy", {
      policy: "advance",
      budget,
    });
    await over;
  }

  /** Reads what the page says of the episode. */
  async outcome(): Promise<PageOutcome> {
    const [done, raw, reward, reason] = await this.evaluate<
      [boolean, number, number, string | null]
    >(
      "[WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL, WOB_REWARD_GLOBAL, WOB_REWARD_REASON]",
    );
    return { done, raw, reward, reason };
  }

  /** The page's clock, in milliseconds since 1970. */
  now(): Promise<number> {
    return this.evaluate<number>("Date.now()");
  }

  /** Document and accessibility tree of this moment. */
  async read(): Promise<{
    snapshot: DocumentSnapshot;
    tree: readonly AccessibleNode[];
  }> {
    const [snapshot, { nodes }] = await Promise.all([
      this.call<DocumentSnapshot>("DOMSnapshot.captureSnapshot", {
        computedStyles: [],
        includeDOMRects: true,
      }),
      this.call<{ nodes: AccessibleNode[] }>("Accessibility.getFullAXTree"),
    ]);
    return { snapshot, tree: nodes };
  }

  /**
   * A picture of the task, in base64 of PNG. It waits for a frame, which comes only while the clock runs: the
   * clock runs for one millisecond.
   */
  async picture(): Promise<string> {
    const shot = this.call<{ data: string }>("Page.captureScreenshot", {
      format: "png",
      clip: { x: 0, y: 0, width: 160, height: 210, scale: 2 },
    });
    shot.catch(() => undefined);
    await this.advance(1);
    return (await shot).data;
  }

  /** Ends the page and all that it holds. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#browser.connection.call("Target.disposeBrowserContext", {
      browserContextId: this.#context,
    }).catch(() => undefined);
  }
}

/** Answers the requests of a page from the benchmark's files; all others fail. */
function serve(
  { connection }: Browser,
  files: PageFiles,
  { method, params, sessionId }: DevtoolsEvent,
): void {
  if (method !== "Fetch.requestPaused") return;
  const { requestId, request } = params as {
    requestId: string;
    request: { url: string };
  };
  // The end of a load moves the page's clock by up to ten milliseconds, and this one begins at the moment
  // where the clock is stopped: it waits until the page ends.
  if (request.url === `${ORIGIN}/favicon.ico`) return;
  const body = fileOf(request.url, files);
  const answer = body
    ? connection.call("Fetch.fulfillRequest", {
      requestId,
      responseCode: 200,
      responseHeaders: [{
        name: "Content-Type",
        value: contentType(new URL(request.url).pathname),
      }],
      body: body.toBase64(),
    }, sessionId)
    : connection.call("Fetch.failRequest", {
      requestId,
      errorReason: "BlockedByClient",
    }, sessionId);
  answer.catch(() => undefined); // the page has gone
}

function fileOf(url: string, files: PageFiles): Uint8Array | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname } = new URL(url); // "..", if any, is resolved by now
  return origin === ORIGIN ? files.get(pathname.slice(1)) : undefined;
}
