/**
 * A SkyRL server on this machine's processor, for checks: installed once, started, killed and started again.
 *
 * @module
 */

/** Version of SkyRL that the checks are written for. */
export const SKYRL = "0.4.0";

/** A server that runs. */
export interface EngineServer {
  /** Address for `policy.url`. */
  readonly url: string;
  /** Number of requests of an operation that the server's log has so far. */
  requests(operation: string): Promise<number>;
  /** Kills server and engine at once, as a power cut does. */
  kill(): Promise<void>;
  /** Ends server and engine. */
  stop(): Promise<void>;
}

/** Packages that SkyRL asks for and its JAX backend does not need: 6 GB. */
const LEFT_OUT = ["torch", "peft", "datasets"];

/**
 * Makes a virtual environment with SkyRL if there is none: 0.9 GB, by `uv` from PyPI.
 *
 * @param directory Folder of the environment.
 * @param python A Python of at least 3.12.
 */
export async function installSkyrl(
  directory: string,
  python: string,
): Promise<void> {
  try {
    await Deno.stat(`${directory}/installed`);
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await run(python, ["-m", "venv", `${directory}/env`]);
  const own = `${directory}/env/bin/python`;
  await run(own, ["-m", "pip", "install", "--quiet", "uv"]);
  const overrides = `${directory}/overrides.txt`;
  await Deno.writeTextFile(
    overrides,
    LEFT_OUT.map((name) => `${name} ; sys_platform == 'never'\n`).join(""),
  );
  await run(own, [
    ...["-m", "uv", "pip", "install", "--python", own],
    ...["--override", overrides],
    `skyrl[tinker,jax]==${SKYRL}`,
    ...["aiohttp", "psutil"],
  ]);
  await Deno.writeTextFile(`${directory}/installed`, `${SKYRL}\n`);
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { success, code } = await new Deno.Command(command, {
    args: [...args],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (success) return;
  throw new Error(
    `Cannot install SkyRL as "${command} ${
      args.join(" ")
    }" must succeed: current exit code is ${code}`,
  );
}

/** What stands for the packages that were left out: images need torch, one JSON file needs peft. */
const STANDINS: Readonly<Record<string, string>> = {
  torch: "class Tensor: ...\n",
  peft: `import json, pathlib
class LoraConfig:
    def __init__(self, **kw): self.kw = kw
    def save_pretrained(self, folder):
        (pathlib.Path(folder) / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"} | self.kw))
`,
};

/**
 * Starts a server. Database and checkpoints lie in `state` and are kept, so that a server that was killed is started
 * again with the models' checkpoints that it had.
 *
 * @param options The environment, the model's folder and public name, a port, a folder for the server's state.
 */
export async function startSkyrl(options: {
  environment: string;
  model: string;
  name: string;
  port: number;
  state: string;
}): Promise<EngineServer> {
  const { environment, model, name, port, state } = options;
  const url = `http://127.0.0.1:${port}`;
  if (await isHealthy(url)) {
    throw new Error(
      `Cannot start SkyRL as port ${port} must be free: a server answers there`,
    );
  }
  await Deno.mkdir(`${state}/bin`, { recursive: true });
  await Deno.mkdir(`${state}/checkpoints`, { recursive: true });
  for (const [module, text] of Object.entries(STANDINS)) {
    await Deno.mkdir(`${state}/standins/${module}`, { recursive: true });
    await Deno.writeTextFile(`${state}/standins/${module}/__init__.py`, text);
  }
  const python = await Deno.realPath(environment) + "/env/bin/python";
  const absolute = await Deno.realPath(state);
  // SkyRL starts its engine by \`uv run\`, and reads its own parent's command line to repeat it.
  await Deno.writeTextFile(
    `${state}/bin/uv`,
    `#!/bin/sh
while [ $# -gt 0 ] && [ "$1" != -m ]; do shift; done
if [ "$2" = skyrl.tinker.engine ]; then
  echo $$ > "${absolute}/engine.pid"
  exec "${python}" "$@"
fi
"${python}" "$@" &
echo $! > "${absolute}/api.pid"
wait
`,
    { mode: 0o755 },
  );
  const log = await Deno.open(`${state}/server.log`, {
    create: true,
    append: true,
  });
  const child = new Deno.Command(`${absolute}/bin/uv`, {
    args: [
      ...["run", "-m", "skyrl.tinker.api", "--host", "127.0.0.1"],
      ...["--port", String(port), "--backend", "jax"],
      ...["--base-model", name, "--base-model-checkpoint-path"],
      await Deno.realPath(model),
      "--backend-config",
      JSON.stringify({
        max_lora_adapters: 8,
        max_lora_rank: 16,
        train_micro_batch_size: 4,
        sample_max_num_sequences: 8,
      }),
      ...["--database-url", `sqlite:///${absolute}/tinker.db`],
      ...["--checkpoints-base", `${absolute}/checkpoints`],
      ...["--session-timeout-sec", "3600"],
    ],
    cwd: absolute,
    env: {
      PATH: `${absolute}/bin:${Deno.env.get("PATH") ?? ""}`,
      PYTHONPATH: `${absolute}/standins`,
      JAX_PLATFORMS: "cpu",
      JAX_COMPILATION_CACHE_DIR: `${absolute}/compiled`,
      JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS: "0.5",
      HF_HUB_OFFLINE: "1",
      TOKENIZERS_PARALLELISM: "false",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const copying = Promise.all([child.stdout, child.stderr].map(async (from) => {
    for await (const part of from) await log.write(part);
  }));
  const end = async (signal: Deno.Signal) => {
    for (const file of ["api.pid", "engine.pid"]) {
      try {
        const pid = Number(await Deno.readTextFile(`${state}/${file}`));
        Deno.kill(pid, signal);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await child.status;
    await copying;
    log.close();
  };
  await untilHealthy(url, child.status);
  return {
    url,
    async requests(operation) {
      const text = await Deno.readTextFile(`${state}/server.log`);
      return text.split(`"POST /api/v1/${operation} HTTP`).length - 1;
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGKILL"), // an orderly end waits for open polls, up to 300 s
  };
}

async function untilHealthy(
  url: string,
  ended: Promise<Deno.CommandStatus>,
): Promise<void> {
  let over = false;
  ended.then(() => over = true);
  for (let waited = 0; waited < 600; waited++) {
    if (over) {
      throw new Error(
        'Cannot reach SkyRL as it must go on running: it has ended; see "server.log"',
      );
    }
    if (await isHealthy(url)) return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(`Cannot reach SkyRL as ${url} must answer within 600 s`);
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/api/v1/healthz`);
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof TypeError) return false; // nobody listens
    throw error;
  }
}
