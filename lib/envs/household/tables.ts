/**
 * Statistics that households are drawn from: furniture, objects, placements and tasks by room.
 *
 * Measured over ALFRED's trajectories and ALFWorld's games; each file in `data/` names its source.
 *
 * @module
 */

import rules from "./data/alfworld_rules.json" with { type: "json" };
import measured from "./data/alfred_stats.json" with { type: "json" };
import type { HouseholdTaskType, Transformation } from "./task.ts";

/** The four kinds of room. */
export const HOUSEHOLD_ROOMS = [
  "kitchen",
  "livingroom",
  "bedroom",
  "bathroom",
] as const;

/** Name of one of the {@linkcode HOUSEHOLD_ROOMS}. */
export type HouseholdRoom = typeof HOUSEHOLD_ROOMS[number];

/** Number of cases by value: `{"1": 24, "2": 4}`. */
export type Histogram = Readonly<Record<string, number>>;

/** Frequency of a receptacle class in a room. */
export interface ReceptacleFigures {
  /** Number of instances in a scene, over scenes. */
  readonly count_hist: Histogram;
  /** Instances seen in all scenes. */
  readonly instances: number;
  /** Those of them that open. */
  readonly openable_instances: number;
}

/** Frequency of an object class in a room. */
export interface ObjectFigures {
  /** Fraction of tasks in which there is at least one. */
  readonly task_fraction: number;
  /** Number of instances where there is at least one, over tasks. */
  readonly count_hist: Histogram;
}

/** Frequency of a fixture in a room. */
export interface FixtureFigures {
  /** Scenes that have one. */
  readonly scenes_with: number;
  /** Receptacle classes that contain it, over scenes. */
  readonly in?: Histogram;
}

/** Figures of one kind of room. */
export interface RoomFigures {
  /** Scenes that the figures were measured in. */
  readonly scenes_measured: number;
  /** Least, mean and largest number of receptacles in a scene. */
  readonly receptacles_per_scene: Readonly<Record<string, number>>;
  /** Least, mean and largest number of objects that can be picked up. */
  readonly pickupable_objects_per_task: Readonly<Record<string, number>>;
  /** Sizes of groups of receptacles that are reached from one place. */
  readonly receptacles_sharing_one_location_hist: Histogram;
  /** By class. */
  readonly receptacles: Readonly<Record<string, ReceptacleFigures>>;
  /** By class. */
  readonly objects: Readonly<Record<string, ObjectFigures>>;
  /** Cases of an object class in a receptacle class; `_none` is in no receptacle. */
  readonly placement: Readonly<Record<string, Histogram>>;
  /** Objects in a receptacle, by its class. */
  readonly objects_per_receptacle_hist: Readonly<Record<string, Histogram>>;
  /** Start states that `placement` was counted over. */
  readonly states_measured: number;
  /** By class. */
  readonly fixtures: Readonly<Record<string, FixtureFigures>>;
}

/** Figures by room. */
export const ROOM_FIGURES: Readonly<Record<HouseholdRoom, RoomFigures>> =
  measured.rooms;

/** Tasks of ALFRED, `Mug>Shelf`: cases by type and room. */
export const TASK_FIGURES: Readonly<
  Record<HouseholdTaskType, Readonly<Partial<Record<HouseholdRoom, Histogram>>>>
> = measured.tasks_train;

/** Instances of the wanted class in a scene, by task type. */
export const TARGET_FIGURES: Readonly<Record<HouseholdTaskType, Histogram>> =
  measured.target_object_instances_hist;

/** Lengths of shortest solutions of ALFWorld's games, by task type. */
export const PLAN_FIGURES: Readonly<Record<HouseholdTaskType, Histogram>> =
  measured.walkthrough_length_hist;

/** Classes that receptacles may have. */
export const RECEPTACLE_CLASSES: readonly string[] = rules.receptacle_types;

/** Classes that objects may have, fixtures included. */
export const OBJECT_CLASSES: readonly string[] = rules.object_types;

/** Object classes that each receptacle class accepts. */
const ACCEPTS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(rules.can_contain).map((
    [receptacle, objects],
  ) => [receptacle, new Set(objects)]),
);

/** Classes of objects that can be taken. */
export const PICKUPABLE: ReadonlySet<string> = new Set(
  rules.pickupable_types_measured,
);

/** Classes of objects that are containers themselves. */
export const MOVABLE_RECEPTACLES: ReadonlySet<string> = new Set(
  rules.movable_receptacle_types,
);

/** Classes of objects that can be sliced. */
export const SLICEABLE: ReadonlySet<string> = new Set(rules.sliceable);

/** Classes of objects that can be turned on. */
export const TOGGLEABLE: ReadonlySet<string> = new Set(rules.toggleable);

/** Classes of objects by what can be done to them. */
export const TRANSFORMABLE: Readonly<
  Record<Transformation, ReadonlySet<string>>
> = {
  clean: new Set(rules.cleanable),
  heat: new Set(rules.heatable),
  cool: new Set(rules.coolable),
};

/** Whether a receptacle class (`SideTable`) accepts an object class (`Mug`). */
export function canContain(receptacle: string, object: string): boolean {
  return ACCEPTS.get(receptacle)?.has(object) ?? false;
}
