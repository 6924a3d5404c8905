/**
 * A way through a household, command by command, as an expert thinks it up.
 *
 * @module
 */

import type { ExpertHouse } from "./expert_view.ts";

/** A way begun: commands so far, and what they changed. Never changed itself. */
export class Route {
  /** Commands so far. */
  readonly commands: readonly string[];
  /** Where the way has led. */
  readonly at: string;
  /** What is carried now. */
  readonly held: string | undefined;
  /** Receptacles whose door is open. */
  readonly opened: ReadonlySet<string>;
  readonly #house: ExpertHouse;

  /** Begins a way where things stand. */
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

  /** Walks to a receptacle, unless the agent stands there. */
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

  /** Lights a lamp that stands in a receptacle. */
  use(lamp: string, receptacle: string): Route {
    const { name } = this.#house.things.get(lamp)!;
    return this.go(receptacle).#with(`use ${name}`, {});
  }
}
