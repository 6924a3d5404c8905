/**
 * What a language model was asked, what it wrote, and what the parser made of it, turn by turn.
 *
 * @module
 */

import type { Evaluation, Policy, Trajectory, Turn } from "../../mod.ts";
import { parseReply, type TextTokenizer } from "../../mod/language.ts";

/** A policy that writes tokens. */
interface WritingPolicy {
  readonly tokenizer: TextTokenizer;
}

/** What the parser made of a reply. */
interface ReadTurn {
  readonly prompt: string;
  readonly reply: string;
  readonly problems: readonly string[];
  readonly inForm: boolean;
}

/**
 * Writes the report of an evaluation as Markdown: shares of replies in form and what is wrong with the others, then
 * episodes turn by turn.
 *
 * @param name Whose evaluation it is.
 * @param evaluation What was played.
 * @param policy The policy that played; it decodes its tokens.
 * @param options How many episodes are shown.
 * @returns The report.
 * @throws {TypeError} If the policy writes no tokens.
 */
export function replyReport(
  name: string,
  { trajectories }: Evaluation,
  policy: Policy,
  { episodes = 20 }: { episodes?: number } = {},
): string {
  if (!writes(policy)) {
    throw new TypeError(
      "Cannot report replies as the policy must write tokens: it chooses from lists",
    );
  }
  const read = trajectories.map((one) =>
    one.turns.map((turn) => readTurn(turn, policy.tokenizer))
  );
  const turns = read.flat();
  const share = (count: number) =>
    `${count} of ${turns.length} (${
      (100 * count / Math.max(1, turns.length)).toFixed(1)
    } %)`;
  const problems = new Map<string, number>();
  for (const problem of turns.flatMap((one) => [...one.problems])) {
    problems.set(problem, (problems.get(problem) ?? 0) + 1);
  }
  const admissible = turns.filter(({ problems }) => problems.length === 0);
  return [
    `# Replies of ${name}`,
    `- replies in form: ${share(turns.filter((one) => one.inForm).length)}`,
    `- in form, with an admissible action: ${share(admissible.length)}`,
    ...[...problems].sort((a, b) => b[1] - a[1])
      .map(([problem, count]) => `- ${problem}: ${share(count)}`),
    ...trajectories.slice(0, episodes)
      .flatMap((one, i) => episodeLines(one, read[i]!)),
    "",
  ].join("\n");
}

function writes(policy: object): policy is WritingPolicy {
  return "tokenizer" in policy;
}

function readTurn(
  { decision, observation }: Turn,
  tokenizer: TextTokenizer,
): ReadTurn {
  const { trace } = decision;
  if (trace.kind !== "tokens") {
    return { prompt: "", reply: "", problems: ["not written"], inForm: false };
  }
  const { reply: tokens, action } = trace;
  const reply = tokenizer.decode(tokens);
  const { problems } = parseReply(reply, observation);
  const own = action
    ? `\n--- the action's own prompt ---\n${tokenizer.decode(action.prompt)}`
    : "";
  return {
    prompt: `${tokenizer.decode(trace.prompt)}${own}`,
    reply,
    problems,
    inForm: problems.every((problem) => problem === "inadmissible-action"),
  };
}

function episodeLines(
  { id, task, success, turns }: Trajectory,
  read: readonly ReadTurn[],
): string[] {
  return [
    `\n## ${id}: ${success ? "success" : "failure"}\n\nTask: ${task}`,
    ...turns.flatMap(({ decision }, t) => {
      const { prompt, reply, problems } = read[t]!;
      const { switched, subgoal, action, valid } = decision;
      return [
        `\n### Turn ${t + 1}\n`,
        fenced(prompt),
        fenced(reply),
        [
          `Read as ${valid ? "valid" : "invalid"}`,
          switched ? "SWITCH" : "KEEP",
          `subgoal ${JSON.stringify(subgoal)}`,
          `action ${JSON.stringify(action)}`,
          ...(problems.length > 0 ? [`problems: ${problems.join(", ")}`] : []),
        ].join("; "),
      ];
    }),
  ];
}

/** A text between fences that it does not hold. */
function fenced(text: string): string {
  const longest = Math.max(
    2,
    ...(text.match(/`+/g) ?? []).map(({ length }) => length),
  );
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
