/**
 * Speed and memory of a published model beside PyTorch's and beside another revision's, round by round in turn.
 *
 * ```sh
 * python3 -m venv venv && venv/bin/pip install torch transformers peft
 * git worktree add ../before 78f8e25 && (cd ../before && deno install)
 * deno run --no-check --allow-read --allow-run --allow-sys --allow-env tests/bench/published_speed.ts \
 *   --model /models/qwen2.5-0.5b --python venv/bin/python --before ../before --threads 2
 * ```
 *
 * Work: `read` reads 8 prompts of 128 tokens, with the logits of the last ones; `write-1` and `write-8` write 16
 * tokens after prompts of 16; `learn` takes a LoRA step (rank 8, all projections, layers computed again, gradients,
 * clipping, AdamW) on 8 sequences of 256 tokens; `replies` writes 8 replies of three blocks to prompts that begin
 * alike. Every contender works in a process of its own that waits while the others work, so that a busy machine
 * disturbs all alike. Figures are medians over rounds, the first left out; CPU seconds count all threads; memory is
 * the most that the process ever held, loading included. Matrix products are by OpenBLAS where `deno task openblas`
 * or `HIPER_OPENBLAS` provides it.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { describeMachine } from "./_machine.ts";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string" },
    python: { type: "string" },
    before: { type: "string" },
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    work: { type: "string", multiple: true },
  },
});
const { model, python, before, threads } = flags;
if (model === undefined) {
  console.error(
    "usage: published_speed.ts --model <folder> [--python <program>] [--before <worktree>] [--threads 1] [--rounds 3] [--work read]",
  );
  Deno.exit(2);
}

/** What a process tells of one round. */
interface Round {
  readonly made: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly megabytes: number;
}

/** Starts a contender, which works when it is asked to. */
function start(name: string, [command, ...args]: readonly string[]) {
  const child = new Deno.Command(command!, {
    args,
    env: { OPENBLAS_NUM_THREADS: threads, OMP_NUM_THREADS: threads },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  const line = async () => {
    while (!rest.includes("\n")) {
      const { value, done } = await output.read();
      if (done) throw new Error(`${name} has ended`);
      rest += value;
    }
    const [first] = rest.split("\n", 1);
    rest = rest.slice(first!.length + 1);
    return JSON.parse(first!);
  };
  const rounds: Round[] = [];
  return {
    name,
    rounds,
    ready: async (): Promise<string> => (await line()).ready,
    async work(): Promise<Round> {
      await input.write(new TextEncoder().encode("go\n"));
      return await line();
    },
    async end() {
      await input.close();
      await output.cancel();
      await child.status;
    },
  };
}

/** A tree's contender. */
function ours(name: string, root: string, work: string) {
  const script = new URL("_published_work.ts", import.meta.url).pathname;
  return start(name, [
    ...[Deno.execPath(), "run", "-P=native", "--no-check", "--quiet"],
    ...["--config", `${root}/deno.json`, script],
    ...[root, model!, work, threads],
  ]);
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const here = Deno.realPathSync(new URL("../..", import.meta.url));
const script = new URL("published_pytorch.py", import.meta.url).pathname;
console.log(`${describeMachine()}; ${model}, threads: ${threads}`);
for (
  const work of flags.work ?? ["read", "write-1", "write-8", "learn", "replies"]
) {
  const rival = work === "replies"
    ? before && ours("before", Deno.realPathSync(before), work)
    : python && start("PyTorch", [python, script, model, work, threads]);
  const contenders = [ours("here", here, work), ...rival ? [rival] : []];
  for (const one of contenders) {
    console.log(`  ${one.name}: ${await one.ready()}`);
  }
  for (let round = 0; round <= Number(flags.rounds); round++) {
    for (const one of contenders) {
      const result = await one.work();
      if (round > 0) one.rounds.push(result);
    }
  }
  const rates = contenders.map(({ name, rounds }) => {
    const rate = median(rounds.map(({ made, seconds }) => made / seconds));
    const own = median(rounds.map(({ made, cpu }) => made / cpu));
    const memory = Math.max(...rounds.map(({ megabytes }) => megabytes));
    console.log(
      `${work}, ${name}: ${rate.toFixed(2)} a second, ${
        own.toFixed(2)
      } a CPU second, ${memory} MB at most`,
    );
    return [rate, own] as const;
  });
  if (rates.length > 1) {
    const [[rate, own], [other, others]] = [rates[0]!, rates[1]!];
    console.log(
      `${work}: ${(rate / other).toFixed(2)} times as fast, ${
        (own / others).toFixed(2)
      } times by CPU seconds`,
    );
  }
  for (const one of contenders) await one.end();
}
