/**
 * Starts a script with write permission for the paths on its command line.
 *
 * A permission set of `deno.json` is fixed: it lets a script write to `runs/` and nowhere else. Paths to
 * write (`--out`, a run's folder, the cache of a warm start) are known only when the task starts, and a
 * process cannot widen its own permissions without a prompt. So a task that writes starts here: the
 * launcher only starts the script, which gets its set and those paths, the servers that the command line
 * names, but no other network and no other processes than those of worlds that it names
 * ({@linkcode worldPrograms}).
 *
 * ```sh
 * deno run --allow-run --allow-read scripts/launch.ts -P=study scripts/train.ts --out /scratch/run
 * ```
 *
 * @module
 */

import { hubCache } from "../mod/hub.ts";

/** Settings that name a folder to write to, by the last part of their path. */
const WRITTEN_SETTINGS = ["cacheDirectory", "keep"];
/** The same in JSON, where a grid has dotted names; found without parsing, as files may hold `NaN`. */
const WRITTEN_IN_JSON =
  /"(?:[\w.]*\.)?(?:cacheDirectory|keep)"\s*:\s*("(?:[^"\\\n]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*")/g;

/**
 * Finds what a command line names to be written.
 *
 * @param words Words after the script's name.
 * @returns Paths: values of `--out` and `--report` (with the file beside it that a file of JSON, HTML or Markdown is written to first), folders of runs, and caches of warm starts, those in JSON files that
 *   are named (a config, a grid, a run's settings) among them.
 */
export function writtenPaths(words: readonly string[]): string[] {
  const paths = new Set<string>();
  const add = (path: unknown) => {
    if (typeof path === "string" && path !== "") paths.add(path);
  };
  for (const [i, word] of words.entries()) {
    const option = /^(?:--out|--report|-o)(?:=(.*))?$/.exec(word);
    if (option) {
      const path = option[1] ?? words[i + 1];
      add(path);
      // A file is written beside its place, then renamed.
      if (path && /\.(?:jsonl?|html|md)$/.test(path)) add(`${path}.partial`);
    }
    const setting = /^[\w.]*?(\w+)=(.*)$/.exec(word);
    if (setting && WRITTEN_SETTINGS.includes(setting[1]!)) add(setting[2]);
    const value = /^--[\w-]+=(.*)$/.exec(word)?.[1] ?? word;
    const run = readText(`${value}/config.json`);
    if (run !== undefined) add(value);
    const file = run ?? (value.endsWith(".json") ? readText(value) : "");
    for (const json of [word, file ?? ""]) {
      for (const [, path] of json.matchAll(WRITTEN_IN_JSON)) {
        add(JSON.parse(path!));
      }
    }
  }
  return [...paths];
}

/** Addresses in JSON, under a key that is or ends in `url` or `urls`. */
const ADDRESSES_IN_JSON = /"(?:\w*\.)*\w*urls?"\s*:\s*(\[[^\]]*\]|"[^"\n]*")/gi;
/** An address of a server. */
const ADDRESS = /\b(?:https?|wss?):\/\/[^\s"',\]}]+/g;

/**
 * Finds the servers that a command line names.
 *
 * @param words Words after the script's name.
 * @returns Hosts with their ports: those of `--url`, of settings such as `policy.url=…`, of urls in JSON files
 *   that are named, and the address of `--host`.
 */
export function reachedHosts(words: readonly string[]): string[] {
  const hosts = new Set<string>();
  const addAll = (text: string) => {
    for (const [address] of text.matchAll(ADDRESS)) {
      if (!URL.canParse(address)) continue;
      const { hostname, port, protocol } = new URL(address);
      const usual = protocol === "https:" || protocol === "wss:" ? 443 : 80;
      hosts.add(`${hostname}:${port || usual}`);
    }
  };
  for (const [i, word] of words.entries()) {
    const option = /^--(host|url)(?:=(.*))?$/.exec(word);
    const named = option?.[2] ?? words[i + 1];
    if (option && named !== undefined) {
      if (option[1] === "url") addAll(named);
      else hosts.add(named.includes(":") ? `[${named}]` : named);
    }
    if (/^[\w.-]*urls?=/i.test(word)) addAll(word);
    const value = /^--[\w-]+=(.*)$/.exec(word)?.[1] ?? word;
    const run = readText(`${value}/config.json`);
    const file = run ?? (value.endsWith(".json") ? readText(value) : undefined);
    for (const json of [word, file ?? ""]) {
      for (const [found] of json.matchAll(ADDRESSES_IN_JSON)) addAll(found);
    }
  }
  return [...hosts];
}

/** A world that runs in a program of its own. */
interface WorldProgram {
  /** Programs that may be started. */
  readonly run: readonly string[];
  /** Hosts that may be reached. */
  readonly hosts: readonly string[];
  /** Setting of the world that names another program. */
  readonly setting: string;
}

/** Worlds that run in programs of their own, by kind. */
const WORLD_PROGRAMS: Readonly<Record<string, WorldProgram>> = {
  miniwob: { run: ["/bin/sh"], hosts: [], setting: "shell" },
  scienceworld: { run: ["java"], hosts: ["127.0.0.1"], setting: "java" },
};

/**
 * Finds the programs of the worlds that a command line names, in files that it names too.
 *
 * @param words Words after the script's name.
 * @returns Programs that may be started and hosts that may be reached; none where no such world is named.
 */
export function worldPrograms(
  words: readonly string[],
): { run: string[]; hosts: string[] } {
  const texts = words.flatMap((word) => {
    const value = /^--[\w-]+=(.*)$/.exec(word)?.[1] ?? word;
    const file = /\.jsonl?$/.test(value) ? readText(value) : undefined;
    return [word, readText(`${value}/config.json`) ?? "", file ?? ""];
  });
  const programs = new Set<string>(), reached = new Set<string>();
  for (const [kind, world] of Object.entries(WORLD_PROGRAMS)) {
    if (!texts.some((text) => text.includes(kind))) continue;
    const { run, hosts, setting } = world;
    for (const program of run) programs.add(program);
    for (const host of hosts) reached.add(host);
    const chosen = new RegExp(`\\b${setting}"?\\s*[:=]\\s*"?([^",\\s}]+)`, "g");
    for (const text of texts) {
      for (const [, program] of text.matchAll(chosen)) programs.add(program!);
    }
  }
  return { run: [...programs], hosts: [...reached] };
}
/** OpenBLAS as `deno task openblas` fetches it; calling it is allowed where it is there. */
const OPENBLAS = ".openblas/scipy_openblas32";
/** Scripts that compute with a policy. */
const COMPUTES = /(?:^|\/)(?:train|evaluate|ablate)\.ts$/;

/** Whether a script computes and OpenBLAS was fetched. */
function usesOpenBlas(script: string): boolean {
  if (!COMPUTES.test(script)) return false;
  try {
    return Deno.statSync(OPENBLAS).isDirectory;
  } catch {
    return false; // not fetched
  }
}

/** The script that writes to the cache of the Hugging Face hub, wherever the environment puts it. */
const CACHE_WRITER = /(?:^|\/)fetch_model\.ts$/;

/** What a text file holds, in UTF-16 too; nothing if it is not there, which the script itself reports. */
function readText(path: string): string | undefined {
  try {
    const bytes = Deno.readFileSync(path);
    const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
    return new TextDecoder(wide ? "utf-16le" : "utf-8").decode(bytes);
  } catch {
    return undefined;
  }
}

/** A path as `--allow-write` takes it; as commas separate paths there, the nearest folder without one. */
function grantable(path: string): string {
  let chosen = path;
  while (chosen.includes(",")) {
    const cut = chosen.lastIndexOf("/");
    if (cut < 0) return ".";
    chosen = chosen.slice(0, cut) || "/";
  }
  return chosen;
}

/** Runs a script to its end; signals are passed on, and its exit code is the launcher's. */
async function launch(args: readonly string[]): Promise<number> {
  const script = args.findIndex((word) => !word.startsWith("-"));
  const words = args.slice(script + 1);
  const { run, hosts } = worldPrograms(words);
  const reached = [...new Set([...reachedHosts(words), ...hosts])];
  const cache = CACHE_WRITER.test(args[script] ?? "") ? hubCache() : undefined;
  const written = [...writtenPaths(words), ...cache ? [cache] : []]
    .map(grantable);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet", // no progress of downloads; errors are printed
      ...args.slice(0, script),
      ...(usesOpenBlas(args[script] ?? "") ? ["--allow-ffi"] : []),
      ...(written.length > 0 ? [`--allow-write=${written.join(",")}`] : []),
      ...(run.length > 0 ? [`--allow-run=${run.join(",")}`] : []),
      ...(reached.length > 0 ? [`--allow-net=${reached.join(",")}`] : []),
      ...args.slice(script),
    ],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // The process has already ended.
      }
    });
  }
  const { code } = await child.status;
  return code;
}

if (import.meta.main) Deno.exit(await launch(Deno.args));
