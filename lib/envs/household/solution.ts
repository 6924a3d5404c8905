/**
 * Shortest solutions of household games, by exhaustive search over tours: fetch, transform, deliver.
 *
 * @module
 */

import { TRANSFORMATION, transformationOf } from "./task.ts";
import { displayNames, type HouseholdWorld } from "./world.ts";
import { canContain, PICKUPABLE, TOGGLEABLE, TRANSFORMABLE } from "./tables.ts";

/** One thing done at a receptacle. */
interface Stop {
  /** Index of the receptacle. */
  readonly at: number;
  /** Whether its door must be open. */
  readonly inside: boolean;
  /** What is done, with what. */
  readonly verb: "take" | "move" | "clean" | "heat" | "cool" | "use";
  /** Name of the thing, as in the layout. */
  readonly thing: string;
}

/**
 * Finds a shortest solution of a household game: empty if the task is already done, undefined where
 * no tour solves it.
 */
export function solveHousehold(world: HouseholdWorld): string[] | undefined {
  if (isDone(world)) return [];
  let best: readonly Stop[] | undefined, least = Infinity;
  for (const tour of tours(world)) {
    const length = countSteps(world, tour);
    if (length < least) [best, least] = [tour, length];
  }
  return best === undefined ? undefined : spellTour(world, best);
}

/** Whether the goal holds at the start, which goals with a transformation never do. */
function isDone({ layout, things, goal }: HouseholdWorld): boolean {
  const needed = goal.type === "pick_and_place_simple"
    ? 1
    : goal.type === "pick_two_obj_and_place"
    ? 2
    : Infinity;
  return layout.receptacles.some(({ type }, r) =>
    type === goal.target &&
    things.filter((thing) =>
        thing.type === goal.object && thing.inside.includes(r)
      ).length >= needed
  );
}

/** All tours that do the task. */
function* tours(world: HouseholdWorld): Generator<readonly Stop[]> {
  const { goal } = world;
  if (!PICKUPABLE.has(goal.object)) return;
  if (goal.type === "look_at_obj_in_light") {
    yield* lightTours(world);
    return;
  }
  if (!canContain(goal.target, goal.object)) return;
  const how = transformationOf(goal.type);
  if (how !== undefined && !TRANSFORMABLE[how].has(goal.object)) return;
  const targets = indicesOf(world, goal.target);
  for (const take of fetches(world)) {
    if (goal.type === "pick_two_obj_and_place") {
      yield* pairTours(world, take, targets);
      continue;
    }
    for (const at of targets) {
      const put: Stop = { at, inside: true, verb: "move", thing: take.thing };
      if (how === undefined) {
        if (at !== take.at) yield [take, put];
        continue;
      }
      for (const station of indicesOf(world, TRANSFORMATION[how].station)) {
        const treat: Stop = {
          at: station,
          inside: false,
          verb: how,
          thing: take.thing,
        };
        yield staysInside(world, take) ? [take, treat] : [take, treat, put];
      }
    }
  }
}

/** Ways to take a wanted object. */
function fetches({ things, goal }: HouseholdWorld): Stop[] {
  return things.filter(({ type }) => type === goal.object).flatMap((
    { id, inside },
  ) =>
    inside.map((at): Stop => ({ at, inside: true, verb: "take", thing: id }))
  );
}

/** Whether a thing is in a second receptacle, a wanted one, and so counts there while it is held. */
function staysInside({ layout, things, goal }: HouseholdWorld, take: Stop) {
  const inside = things.find(({ id }) => id === take.thing)?.inside ?? [];
  return inside.some((r) =>
    r !== take.at && layout.receptacles[r]!.type === goal.target
  );
}

function indicesOf({ layout }: HouseholdWorld, type: string): number[] {
  const indices: number[] = [];
  for (const [i, receptacle] of layout.receptacles.entries()) {
    if (receptacle.type === type) indices.push(i);
  }
  return indices;
}

/** The lamp has to be where the agent is last, so it is turned on last or first. */
function* lightTours(world: HouseholdWorld): Generator<readonly Stop[]> {
  const { layout, goal } = world;
  for (const lamp of layout.fixtures) {
    if (lamp.type !== goal.target || !TOGGLEABLE.has(lamp.type)) continue;
    for (const at of lamp.inside) {
      const use: Stop = { at, inside: false, verb: "use", thing: lamp.id };
      for (const take of fetches(world)) yield [take, use];
    }
  }
}

function* pairTours(
  world: HouseholdWorld,
  first: Stop,
  targets: readonly number[],
): Generator<readonly Stop[]> {
  const deliver = (take: Stop, at: number): readonly Stop[] => [
    take,
    { at, inside: true, verb: "move", thing: take.thing },
  ];
  for (const at of targets) {
    if (at === first.at) continue;
    const there = world.things.some(({ id, type, inside }) =>
      type === world.goal.object && inside.includes(at) && id !== first.thing
    );
    if (there) {
      yield deliver(first, at);
      continue;
    }
    for (const second of fetches(world)) {
      if (second.thing === first.thing || second.at === at) continue;
      yield [...deliver(first, at), ...deliver(second, at)];
    }
  }
}

/** Commands a tour takes, walking and doors included. */
function countSteps(world: HouseholdWorld, tour: readonly Stop[]): number {
  const { receptacles } = world.layout;
  const opened = new Set<number>();
  let steps = 0, here: readonly number[] = world.start;
  for (const { at, inside } of tour) {
    const { standpoint, openable } = receptacles[at]!;
    if (!samePlace(here, standpoint)) steps++;
    here = standpoint;
    if (inside && openable && !opened.has(at)) {
      opened.add(at);
      steps++;
    }
    steps++;
  }
  return steps;
}

function spellTour(world: HouseholdWorld, tour: readonly Stop[]): string[] {
  const { receptacles } = world.layout;
  const names = displayNames(world);
  const opened = new Set<number>();
  const commands: string[] = [];
  let here: readonly number[] = world.start;
  for (const { at, inside, verb, thing } of tour) {
    const { id, standpoint, openable } = receptacles[at]!;
    const place = names.get(id)!, what = names.get(thing)!;
    if (!samePlace(here, standpoint)) commands.push(`go to ${place}`);
    here = standpoint;
    if (inside && openable && !opened.has(at)) {
      opened.add(at);
      commands.push(`open ${place}`);
    }
    const link = verb === "take" ? "from" : verb === "move" ? "to" : "with";
    commands.push(
      verb === "use" ? `use ${what}` : `${verb} ${what} ${link} ${place}`,
    );
  }
  return commands;
}

function samePlace(a: readonly number[], b: readonly number[]): boolean {
  return a.every((part, i) => part === b[i]);
}
