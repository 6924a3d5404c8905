/**
 * Draws households and compares them with ALFRED's: rooms, things, plan lengths; every game is
 * played by the expert.
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import {
  generateHousehold,
  HOUSEHOLD_SPLITS,
  HOUSEHOLD_TASK_TYPES,
  type HouseholdGame,
  type HouseholdTaskType,
  PLAN_FIGURES,
  planHousehold,
  ROOM_FIGURES,
} from "../mod/household.ts";
import { compileGame } from "../mod/pddl.ts";

/** Statistics of the games of one kind of task. */
interface Row {
  games: number;
  solved: number;
  most: number;
  turns: number;
  subgoals: number;
  readonly lengths: Map<number, number>;
}

const command = new Command("household-stats")
  .description("Compares drawn households with ALFRED's")
  .option("-g, --games <count>", "games to draw", wholeNumber, 10_000)
  .option("-d, --difficulty <name>", "easy, alfworld or hard", "alfworld")
  .option("-l, --layouts <name>", "drawn or alfred", "drawn")
  .option(
    "-c, --compiled <every>",
    "also compile one file in so many",
    wholeNumber,
    100,
  )
  .parse(Deno.args, { from: "user" });
const options = command.opts<{
  games: number;
  difficulty: "easy" | "alfworld" | "hard";
  layouts: "drawn" | "alfred";
  compiled: number;
}>();

const rows = new Map(
  HOUSEHOLD_TASK_TYPES.map((type): [HouseholdTaskType, Row] => [type, {
    games: 0,
    solved: 0,
    most: 0,
    turns: 0,
    subgoals: 0,
    lengths: new Map(),
  }]),
);
const rooms = new Map<
  string,
  { games: number; receptacles: number; things: number }
>();
let compiled = 0, agreed = 0;

const begun = performance.now();
for (let i = 0; i < options.games; i++) {
  const type = HOUSEHOLD_TASK_TYPES[i % HOUSEHOLD_TASK_TYPES.length]!;
  const split = HOUSEHOLD_SPLITS[Math.floor(i / 6) % HOUSEHOLD_SPLITS.length]!;
  const { difficulty, layouts } = options;
  const game = generateHousehold(
    { taskType: type, split, difficulty, layouts },
    i,
  );
  countRoom(game);
  countGame(game, rows.get(type)!);
  if (i % options.compiled !== 0) continue;
  compiled++;
  const play = compileGame(JSON.stringify(game.file)).start();
  for (const action of game.walkthrough) play.step(action);
  if (play.won) agreed++;
}
const seconds = (performance.now() - begun) / 1000;

function countRoom({ world }: HouseholdGame): void {
  const { room } = world.layout;
  const known = rooms.get(room) ?? { games: 0, receptacles: 0, things: 0 };
  known.games++;
  known.receptacles += world.layout.receptacles.length;
  known.things += world.things.length;
  rooms.set(room, known);
}

function countGame(game: HouseholdGame, row: Row): void {
  row.games++;
  const length = game.walkthrough.length;
  row.lengths.set(length, (row.lengths.get(length) ?? 0) + 1);
  const segments = planHousehold(game) ?? [];
  const play = game.start();
  const actions = segments.flatMap((segment) => segment.actions);
  const accepted = actions.every((action) => play.step(action).accepted);
  if (!accepted || !play.won || actions.length > 50) return;
  row.solved++;
  row.turns += actions.length;
  row.most = Math.max(row.most, actions.length);
  row.subgoals += segments.length;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a positive whole number.");
}

/** Shares of each length, in percent. */
function shares(
  histogram: Iterable<readonly [number | string, number]>,
): string {
  const entries = [...histogram].map(([length, n]) =>
    [Number(length), n] as const
  )
    .sort(([a], [b]) => a - b);
  const total = entries.reduce((sum, [, n]) => sum + n, 0);
  return entries.map(([length, n]) =>
    `${length}: ${(100 * n / total).toFixed(0)} %`
  ).join("  ");
}

console.log(
  `${options.games} games (${options.difficulty}, ${options.layouts} layouts) drawn and solved in ${
    seconds.toFixed(1)
  } s`,
);
console.log(
  `${agreed} of ${compiled} compiled files are won by their walkthrough\n`,
);
for (const [type, row] of rows) {
  console.log(
    `${type}: ${row.solved} of ${row.games} solved by the expert, at most ${row.most} turns, mean ${
      (row.turns / row.solved).toFixed(2)
    }, ${(row.subgoals / row.solved).toFixed(2)} subgoals`,
  );
  console.log(`  drawn   ${shares(row.lengths)}`);
  console.log(`  ALFRED  ${shares(Object.entries(PLAN_FIGURES[type]))}`);
}
console.log("\nper game         receptacles     ALFRED    things     ALFRED");
for (const [room, { games, receptacles, things }] of rooms) {
  const figures = Object.entries(ROOM_FIGURES).find(([name]) => name === room)
    ?.[1];
  console.log([
    room.padEnd(14),
    (receptacles / games).toFixed(1).padStart(12),
    (figures?.receptacles_per_scene["mean"] ?? NaN).toFixed(1).padStart(10),
    (things / games).toFixed(1).padStart(9),
    (figures?.pickupable_objects_per_task["mean"] ?? NaN).toFixed(1).padStart(
      10,
    ),
  ].join(" "));
}
if (
  [...rows.values()].some((row) => row.solved < row.games) || agreed < compiled
) {
  Deno.exit(1);
}
