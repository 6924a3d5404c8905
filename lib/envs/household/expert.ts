/**
 * The expert for household games: plans a shortest solution with full knowledge, and names the
 * subgoal of each action.
 *
 * It enumerates the orders in which the six tasks can be done and keeps the shortest; it replans from
 * the current state at every hint.
 *
 * @module
 */

import type { Hint } from "../text_env.ts";
import {
  type ExpertHouse,
  type ExpertState,
  readExpertGoal,
  readExpertHouse,
  readExpertState,
} from "./expert_view.ts";
import { nameHouseholdSubgoal } from "./subgoals.ts";
import type { CompiledGame } from "../pddl/game.ts";
import type { GamePlay } from "../pddl/play.ts";

/** A partial plan: commands so far, and what they change. Immutable. */
export class Route {
  /** Commands so far. */
  readonly commands: readonly string[];
  /** Current location. */
  readonly at: string;
  /** What is carried now. */
  readonly held: string | undefined;
  /** Receptacles whose door is open. */
  readonly opened: ReadonlySet<string>;
  readonly #house: ExpertHouse;

  /** An empty plan from a state. */
  constructor(
    house: ExpertHouse,
    state: {
      at: string;
      held: string | undefined;
      opened: ReadonlySet<string>;
    },
    commands: readonly string[] = [],
  ) {
    this.#house = house;
    this.commands = commands;
    this.at = state.at;
    this.held = state.held;
    this.opened = state.opened;
  }

  #with(
    command: string,
    change: {
      at?: string;
      held?: string | undefined;
      opened?: ReadonlySet<string>;
    },
  ): Route {
    const { at, held, opened } = this;
    return new Route(this.#house, { at, held, opened, ...change }, [
      ...this.commands,
      command,
    ]);
  }

  /** Walks to a receptacle, unless already there. */
  go(receptacle: string): Route {
    const { name, location } = this.#house.receptacles.get(receptacle)!;
    return this.at === location
      ? this
      : this.#with(`go to ${name}`, { at: location });
  }

  /** Walks to a receptacle and opens its door, if it has a closed one. */
  reach(receptacle: string): Route {
    const there = this.go(receptacle);
    const { name, openable } = this.#house.receptacles.get(receptacle)!;
    return !openable || there.opened.has(receptacle)
      ? there
      : there.#with(`open ${name}`, {
        opened: new Set([...there.opened, receptacle]),
      });
  }

  /** Takes a thing out of a receptacle. */
  take(thing: string, receptacle: string): Route {
    const names = [
      this.#house.things.get(thing)!.name,
      this.#house.receptacles.get(receptacle)!.name,
    ];
    return this.reach(receptacle).#with(`take ${names.join(" from ")}`, {
      held: thing,
    });
  }

  /** Puts what is carried into a receptacle. */
  put(receptacle: string): Route {
    const command = this.#house.putCommand(this.held!, receptacle);
    return this.reach(receptacle).#with(command, { held: undefined });
  }

  /** Cleans, heats or cools what is held; doors do not matter. */
  transform(how: string, receptacle: string): Route {
    const thing = this.#house.things.get(this.held!)!.name;
    const { name } = this.#house.receptacles.get(receptacle)!;
    return this.go(receptacle).#with(`${how} ${thing} with ${name}`, {});
  }

  /** Turns on a lamp that is in a receptacle. */
  use(lamp: string, receptacle: string): Route {
    const { name } = this.#house.things.get(lamp)!;
    return this.go(receptacle).#with(`use ${name}`, {});
  }
}

const STATIONS = {
  clean: ["sinkbasintype", "sinktype"],
  heat: ["microwavetype"],
  cool: ["fridgetype"],
} as const;

/** Collects routes that reach the goal and keeps the first of the shortest. */
class Search {
  best: Route | undefined;
  readonly house: ExpertHouse;
  readonly state: ExpertState;

  constructor(house: ExpertHouse, state: ExpertState) {
    this.house = house;
    this.state = state;
  }

  consider(route: Route): void {
    if (
      this.best === undefined ||
      route.commands.length < this.best.commands.length
    ) this.best = route;
  }

  containers(thing: string): readonly string[] {
    return (this.state.containers.get(thing) ?? []).filter((receptacle) =>
      this.house.receptacles.has(receptacle)
    );
  }

  receptaclesOf(types: readonly string[]): string[] {
    return [...this.house.receptacles].flatMap(([id, { type }]) =>
      types.includes(type) ? [id] : []
    );
  }

  thingsOf(type: string): string[] {
    return [...this.house.things].flatMap(([id, thing]) =>
      thing.type === type ? [id] : []
    );
  }

  /** Ways to have a thing in hand, each with the receptacle it was taken from. */
  acquire(route: Route, thing: string): { route: Route; from?: string }[] {
    if (route.held === thing) return [{ route }];
    if (!this.house.things.get(thing)!.can.has("pickupable")) return [];
    return this.containers(thing).flatMap((from) =>
      this.#emptyHanded(route, from).map((free) => ({
        route: free.take(thing, from),
        from,
      }))
    );
  }

  /** Ways to put down what is held: here, at the next stop, or anywhere. */
  #emptyHanded(route: Route, next: string): Route[] {
    const { held } = route;
    if (held === undefined) return [route];
    const { receptacles, accepts } = this.house;
    const fit = [...receptacles.keys()].filter((id) => accepts(id, held));
    const stop = receptacles.get(next)!.location;
    const close = fit.filter((id) =>
      [route.at, stop].includes(receptacles.get(id)!.location)
    );
    const anywhere = fit.find((id) => !receptacles.get(id)!.openable) ?? fit[0];
    const places = anywhere === undefined ? close : [...close, anywhere];
    return places.map((place) => route.put(place));
  }

  /** Ways to have the thing cleaned, heated or cooled as the goal asks. */
  transformed(route: Route, thing: string): Route[] {
    const how = this.house.goal.transformation;
    if (how === undefined || this.state.has[how].has(thing)) return [route];
    return this.receptaclesOf(STATIONS[how]).map((station) =>
      route.transform(how, station)
    );
  }
}

/** Bring one thing, prepared if need be, to a receptacle of a class. */
function placeOne(search: Search, start: Route): void {
  const { goal, things, accepts } = search.house;
  const targets = search.receptaclesOf([goal.receptacle]);
  const how = goal.transformation;
  for (const thing of search.thingsOf(goal.object)) {
    if (how !== undefined && !things.get(thing)!.can.has(`${how}able`)) {
      continue;
    }
    for (const { route, from } of search.acquire(start, thing)) {
      const stays = search.containers(thing).some((id) =>
        id !== from && targets.includes(id)
      );
      for (const ready of search.transformed(route, thing)) {
        // A thing can be in two receptacles at once and still count when it is held.
        if (stays) search.consider(ready);
        for (const target of targets) {
          if (accepts(target, thing)) search.consider(ready.put(target));
        }
      }
    }
  }
}

/** Bring things until two of a class are in one receptacle. */
function placeTwo(search: Search, start: Route): void {
  const { goal, accepts } = search.house;
  const wanted = search.thingsOf(goal.object);
  for (const target of search.receptaclesOf([goal.receptacle])) {
    const there = wanted.filter((thing) =>
      search.containers(thing).includes(target)
    );
    const bring = (route: Route, rest: readonly string[], missing: number) => {
      if (missing === 0) return search.consider(route);
      for (const thing of rest) {
        if (!accepts(target, thing)) continue;
        for (const { route: holding } of search.acquire(route, thing)) {
          const others = rest.filter((other) => other !== thing);
          bring(holding.put(target), others, missing - 1);
        }
      }
    };
    const rest = wanted.filter((thing) => !there.includes(thing));
    bring(start, rest, Math.max(0, 2 - there.length));
  }
}

/** Hold one thing where a lamp of a class is lit. */
function lookUnderLamp(search: Search, start: Route): void {
  const { goal, things } = search.house;
  const lamps = search.thingsOf(goal.lamp).filter((lamp) =>
    things.get(lamp)!.can.has("toggleable")
  );
  for (const thing of search.thingsOf(goal.object)) {
    for (const { route } of search.acquire(start, thing)) {
      for (const lamp of lamps) {
        for (const place of search.containers(lamp)) {
          search.consider(
            search.state.has.light.has(lamp)
              ? route.go(place)
              : route.use(lamp, place),
          );
        }
      }
    }
  }
}

function planFrom(
  house: ExpertHouse,
  play: GamePlay,
): readonly string[] | undefined {
  if (play.won) return [];
  const state = readExpertState(play);
  const search = new Search(house, state);
  const start = new Route(house, state);
  if (house.goal.lamp !== "") lookUnderLamp(search, start);
  else if (house.goal.type === "pick_two_obj_and_place") {
    placeTwo(search, start);
  } else placeOne(search, start);
  const plan = search.best?.commands;
  if (plan === undefined) return undefined;
  // A plan counts only if the world accepts it and it wins.
  const trial = play.fork();
  return plan.every((command) => trial.step(command).accepted) && trial.won
    ? plan
    : undefined;
}

/** The next subgoal and action in a play of the expert's game; undefined where there is no plan. */
export type HouseholdExpert = (play: GamePlay) => Hint | undefined;

/**
 * Prepares an expert for a household game.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import {
 *   createHouseholdExpert,
 *   generateHousehold,
 * } from "@hiper/lab/envs/household";
 *
 * const game = generateHousehold({ difficulty: "easy" }, 1);
 * const expert = createHouseholdExpert(game)!;
 * const play = game.start();
 * for (let hint = expert(play); hint !== undefined; hint = expert(play)) {
 *   strictEqual(play.step(hint.action).accepted, true);
 * }
 * strictEqual(play.won, true);
 * ```
 *
 * @param game The game.
 * @returns The expert; undefined if the game is not one of the six household tasks.
 */
export function createHouseholdExpert(
  game: CompiledGame,
): HouseholdExpert | undefined {
  if (readExpertGoal(game.problem.goal) === undefined) return undefined;
  let known: ExpertHouse | undefined;
  return (play) => {
    // Read on first use: most worlds are played without hints.
    const house = known ??= readExpertHouse(game);
    if (house === undefined) return undefined;
    const plan = planFrom(house, play);
    const action = plan?.[0];
    if (plan === undefined || action === undefined) return undefined;
    const subgoal = nameHouseholdSubgoal(house.goal.sentence, plan);
    return subgoal === undefined ? undefined : { subgoal, action };
  };
}

/** A subgoal and the actions that serve it. */
export interface PlanSegment {
  /** The subgoal, in words. */
  readonly subgoal: string;
  /** Its actions, in order; at least one. */
  readonly actions: readonly string[];
}

/**
 * Plans a household game from the current state of a play, segmented by subgoals.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { generateHousehold, planHousehold } from "@hiper/lab/envs/household";
 *
 * const game = generateHousehold({ taskType: "pick_and_place_simple" }, 3);
 * const [first] = planHousehold(game)!;
 * ok(first!.subgoal.startsWith("find a ")); // find a mug
 * ok(first!.actions[0]!.startsWith("go to "));
 * ```
 *
 * @param game The game.
 * @param play Where to begin. @default the start of the game
 * @returns Subgoals with their actions; none if the game is won already, `undefined` if there is no
 *   plan or the game is no household.
 */
export function planHousehold(
  game: CompiledGame,
  play: GamePlay = game.start(),
): PlanSegment[] | undefined {
  const house = readExpertHouse(game);
  const plan = house && planFrom(house, play);
  if (house === undefined || plan === undefined) return undefined;
  const segments: { subgoal: string; actions: string[] }[] = [];
  for (const [i, action] of plan.entries()) {
    const subgoal = nameHouseholdSubgoal(house.goal.sentence, plan.slice(i)) ??
      house.goal.sentence;
    const last = segments.at(-1);
    if (last?.subgoal === subgoal) last.actions.push(action);
    else segments.push({ subgoal, actions: [action] });
  }
  return segments;
}
