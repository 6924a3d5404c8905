/**
 * Headless Chromium as a process of its own, spoken to over a pipe: no port, no network, with its sandbox.
 *
 * The browser reads commands from the pipe and ends when the pipe does, so none outlives the process that
 * started it.
 *
 * @module
 */

import { keepOutput } from "../program_output.ts";
import { type BytePipe, DevtoolsConnection } from "./devtools.ts";
import type { DevtoolsOptions } from "./devtools.ts";

/** How a browser is started. */
export interface BrowserOptions extends DevtoolsOptions {
  /** The program. @default {the first of `chromium-headless-shell`, `chromium`, `chromium-browser` and `google-chrome`} */
  readonly browser?: string;
  /** Whether the browser's own sandbox holds. @default {true} */
  readonly sandbox?: boolean;
}

/** A running browser. */
export interface Browser extends AsyncDisposable {
  /** Calls and events. */
  readonly connection: DevtoolsConnection;
  /** Process id of what was started. */
  readonly pid: number;
  /** What it says of itself: `HeadlessChrome/156.0.…`. */
  readonly product: string;
  /** Whether the process waits for it: a browser without pages must not keep it alive. */
  hold(held: boolean): void;
  /** Whether it still runs. */
  readonly running: boolean;
}

/** Programs that are looked for, in this order, and where. */
const PROGRAMS = [
  ...["chromium-headless-shell", "chromium", "chromium-browser"],
  "google-chrome",
] as const;
const FOLDERS = ["/usr/bin", "/usr/local/bin", "/snap/bin"] as const;
const SHELL = "/bin/sh";
/** The user nobody, as which a browser runs whose starter is the superuser. */
const NOBODY = "65534";
/** Milliseconds in which a browser must end, on a busy computer too: one that is killed leaves its folder. */
const END_LIMIT = 30_000;
/** Milliseconds in which a browser must start, on a busy computer too. */
const START_LIMIT = 300_000;

/**
 * Moves the pipe to the descriptors that Chromium uses, gives it a fresh folder, and removes that when
 * Chromium has ended. Arguments: the program and its own arguments.
 */
const RUN = `
folder=$(mktemp -d /tmp/hiper-browser.XXXXXX) || exit 1
HOME=$folder "$@" --user-data-dir="$folder" 3<&0 4>&1 </dev/null >/dev/null
code=$?
# Children of the browser may still write.
rm -rf "$folder" 2>/dev/null || { sleep 2; rm -rf "$folder"; }
exit $code`;

/**
 * Does the same as another user where the superuser asks, for whom Chromium has no sandbox. The first
 * argument is {@linkcode RUN}.
 */
const RUN_SANDBOXED = `
[ "$(id -u)" = 0 ] || exec /bin/sh -c "$@"
command -v setpriv >/dev/null || {
  echo "setpriv must start the browser as another user: it is missing; install util-linux" >&2
  exit 1
}
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all /bin/sh -c "$@"`;

/** Flags of Chromium; nothing of them opens a port. */
const FLAGS = [
  ...["--headless", "--remote-debugging-pipe", "--no-first-run"],
  ...["--no-default-browser-check", "--disable-gpu", "--disable-extensions"],
  ...["--disable-background-networking", "--disable-sync"],
  ...["--disable-default-apps", "--disable-component-update", "--mute-audio"],
  ...["--hide-scrollbars", "--disable-background-timer-throttling"],
  ...["--disable-renderer-backgrounding", "--force-device-scale-factor=1"],
  ...["--disable-backgrounding-occluded-windows", "--lang=en-US"],
  ...["--font-render-hinting=none", "--host-resolver-rules=MAP * ~NOTFOUND"],
] as const;

/**
 * Finds a browser.
 *
 * @param browser A path or name. @default {the first of the usual ones}
 * @returns Its path.
 * @throws {TypeError} If there is none, with the command that installs one.
 */
export async function findBrowser(browser?: string): Promise<string> {
  const names = browser === undefined ? PROGRAMS : [browser];
  for (const name of names) {
    const paths = name.includes("/")
      ? [name]
      : FOLDERS.map((folder) => `${folder}/${name}`);
    for (const path of paths) {
      const info = await Deno.stat(path).catch(() => undefined);
      if (info?.isFile) return path;
    }
  }
  throw new TypeError(
    `Cannot open MiniWoB++ as "browser" must be a Chromium: current value is ${
      browser ?? "absent"
    }, and none is found; install one, on Debian with: apt-get install chromium-headless-shell`,
  );
}

/**
 * Starts a browser.
 *
 * @param options Program, sandbox, deadlines.
 * @returns The browser. Caller disposes.
 * @throws {TypeError} If the program is missing, or may not be run.
 * @throws {Error} If it ends instead of answering, with what it wrote.
 */
export async function startBrowser(
  options: BrowserOptions = {},
): Promise<Browser> {
  const { browser, sandbox = true, ...limits } = options;
  const path = await findBrowser(browser);
  const child = spawn(argumentsOf(path, sandbox));
  let running = true;
  const errors = keepOutput(child.stderr);
  const status = child.status.finally(() => running = false);
  const pipe: BytePipe = { readable: child.stdout, writable: child.stdin };
  const connection = new DevtoolsConnection(pipe, limits);
  const end = async () => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        killGroup(child);
        resolve();
      }, END_LIMIT);
    });
    await connection.call("Browser.close").catch(() => undefined);
    await Promise.race([connection.close(), late]);
    await Promise.race([status, late]);
    clearTimeout(timer);
    await status;
    await errors.ended;
  };
  try {
    const { product } = await connection.call<{ product: string }>(
      "Browser.getVersion",
      {},
      undefined,
      START_LIMIT,
    );
    return {
      connection,
      pid: child.pid,
      product,
      get running() {
        return running;
      },
      hold: (held) => held ? child.ref() : child.unref(),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    const words = errors.text.trim().split("\n").slice(0, 4).join("; ");
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot open MiniWoB++ as ${path} must run: ${reason}${
        words === "" ? "" : `; it wrote: ${words}`
      }${
        sandbox
          ? '; where its sandbox cannot work, as in some containers, "sandbox": false starts it without'
          : ""
      }`,
    );
  }
}

/** Arguments of the shell that starts a browser. */
function argumentsOf(path: string, sandbox: boolean): string[] {
  return sandbox ? ["-c", RUN_SANDBOXED, "sh", RUN, "sh", path, ...FLAGS] : [
    ...["-c", RUN, "sh", path, ...FLAGS],
    ...["--no-sandbox", "--disable-dev-shm-usage"],
  ];
}

function spawn(args: string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(SHELL, {
      args,
      clearEnv: true,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" },
      cwd: "/tmp",
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new TypeError(
      `Cannot open MiniWoB++ as this process must be allowed to run a browser: add --allow-run=${SHELL}`,
    );
  }
}

function killGroup(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}
