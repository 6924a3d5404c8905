/**
 * How many replies a published model writes in the form of the three blocks, by itself: two prompts ask on the same
 * situations, which are an expert's, and the model writes freely.
 *
 * ```sh
 * deno run -P=native scripts/reply_forms.ts models/smollm2-135m --tasks 8
 * ```
 *
 * @module
 */

import { Command } from "commander";
import {
  collectTrajectories,
  createEnvOpener,
  createRandom,
  type EnvSpec,
  expertPolicy,
  PRESETS,
  scheduleEpisodes,
  selectBackend,
  type Trajectory,
  withHints,
} from "../mod.ts";
import {
  formatPrompt,
  formatTaught,
  type LanguagePolicy,
  openLanguagePolicy,
  parseReply,
} from "../mod/language.ts";
import { wilsonInterval } from "../mod/studies.ts";

/** Prompts by name: one message that shows the form with placeholders, and rules with an example of another world. */
const PROMPTS = {
  "one message, placeholders": formatPrompt,
  "rules and an example": formatTaught,
} as const;

/** Worlds by the name of their preset. */
const WORLDS = ["corridor", "household-easy"] as const;

/** Turns of each episode that are asked about. */
const TURNS = 2;

/** Plays the expert in a preset's worlds. */
async function playExpert(
  preset: typeof WORLDS[number],
  tasks: number,
): Promise<Trajectory[]> {
  await using opener = createEnvOpener();
  const specs = PRESETS[preset].worlds as readonly EnvSpec[];
  const random = createRandom(0).fork(preset);
  const episodes = scheduleEpisodes(specs, { random, tasks, maxTurns: TURNS });
  const open = withHints(opener);
  return await collectTrajectories(expertPolicy(), episodes, { open });
}

/** What is wrong with the model's reply to each situation; in form is what is at most inadmissible. */
async function askAll(
  policy: LanguagePolicy,
  played: readonly Trajectory[],
): Promise<string[][]> {
  const asked: string[][] = [];
  for (let t = 0; t < TURNS; t++) {
    const reached = played.filter(({ turns }) => turns.length > t);
    using session = policy.open(reached.map(({ task }) => ({ task })));
    const rows = [...reached.keys()];
    const at = (turn: number) => reached.map(({ turns }) => turns[turn]!);
    for (let before = 0; before < t; before++) {
      await session.encode(
        rows,
        at(before).map(({ observation }) => observation),
        at(before).map(({ decision }) => decision),
        { score: false },
      );
    }
    const observations = at(t).map(({ observation }) => observation);
    const randoms = rows.map((row) => createRandom(1).fork("reply", t, row));
    const decided = await session.decide(rows, observations, randoms);
    decided.forEach(({ trace }, row) => {
      // A prompt that leaves no room for a reply is answered by none.
      const reply = trace.kind === "tokens"
        ? policy.tokenizer.decode(trace.reply)
        : "";
      asked.push([...parseReply(reply, observations[row]!).problems]);
    });
  }
  return asked;
}

/** A share with its interval. */
function shareOf(count: number, of: number): string {
  const [low, high] = wilsonInterval(count / of, of);
  const percent = (x: number) => (100 * x).toFixed(0);
  return `${count} of ${of} = ${percent(count / of)} % [${percent(low)}, ${
    percent(high)
  }]`;
}

const program = new Command("reply_forms")
  .description("Share of a model's free replies that have the form")
  .argument("<model>", "folder, GGUF file, or name in the hub's cache")
  .option("--tasks <number>", "episodes of each world", Number, 8)
  .option("--temperature <number>", "of sampling; 0 is greedy", Number, 0.4)
  .option("--worlds <names...>", "worlds by preset", [...WORLDS])
  .parse(Deno.args, { from: "user" });
const { tasks, temperature, worlds } = program.opts<
  { tasks: number; temperature: number; worlds: typeof WORLDS[number][] }
>();
await selectBackend("wasm");
for (const world of worlds) {
  const played = await playExpert(world, tasks);
  for (const [name, prompt] of Object.entries(PROMPTS)) {
    const policy = await openLanguagePolicy(program.args[0]!, {
      seed: 0,
      prompt,
      temperature,
      maxReplyTokens: 64,
    });
    const asked = await askAll(policy, played);
    policy.dispose();
    const inForm = asked.filter((problems) =>
      problems.every((one) => one === "inadmissible-action")
    );
    const right = asked.filter((problems) => problems.length === 0);
    console.log(
      `${world}, ${name}: in form ${
        shareOf(inForm.length, asked.length)
      }, with an admissible action ${shareOf(right.length, asked.length)}`,
    );
  }
}
