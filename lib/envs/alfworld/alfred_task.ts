/**
 * A task as ALFRED recorded it, as far as games can be made of it.
 *
 * @see {@link https://github.com/askforalfred/alfred | ALFRED} (Shridhar et al. 2020)
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { readSettings } from "../../settings.ts";
import { parseJson } from "../../text_file.ts";

/** What the importer reads of a recorded task; names are those of `traj_data.json`. */
export interface AlfredTask {
  /** Identifies the recording. */
  readonly task_id: string;
  /** One of ALFRED's seven. */
  readonly task_type: string;
  /** What the task is about. */
  readonly pddl_params: {
    /** Class of the object. */
    readonly object_target: string;
    /** Class of the receptacle, or empty. */
    readonly parent_target: string;
    /** Class of the lamp, or empty. */
    readonly toggle_target: string;
    /** Class of the movable receptacle, or empty. */
    readonly mrecep_target: string;
    /** Whether the object is to be sliced. */
    readonly object_sliced: boolean;
  };
  /** Where everything was. */
  readonly scene: {
    /** Number of the scene. */
    readonly scene_num: number;
    /** Pose of the agent, in metres and degrees. */
    readonly init_action: Readonly<
      Record<"x" | "z" | "rotation" | "horizon", number>
    >;
    /** Objects that can be taken. */
    readonly object_poses: readonly {
      /** Class, underscore, model: `Mug_2a940808`. */
      readonly objectName: string;
      /** Metres. */
      readonly position: Readonly<Record<"x" | "y" | "z", number>>;
    }[];
  };
  /** Descriptions of the task. */
  readonly turk_annotations: {
    /** One entry for each annotator. */
    readonly anns: readonly { readonly task_desc: string }[];
  };
}

const NUMBER = z.coerce.number();
const ANNOTATIONS = z.object({
  anns: z.array(z.object({ task_desc: z.string() })),
});
/** The annotations alone, wherever else a recording differs. */
const ANNOTATED = z.object({ turk_annotations: ANNOTATIONS });

/** What a recorded task must have. */
export const ALFRED_TASK = z.object({
  task_id: z.string(),
  task_type: z.string(),
  pddl_params: z.object({
    object_target: z.string(),
    parent_target: z.string(),
    toggle_target: z.string(),
    mrecep_target: z.string(),
    object_sliced: z.boolean(),
  }),
  scene: z.object({
    scene_num: NUMBER,
    init_action: z.object({
      x: NUMBER,
      z: NUMBER,
      rotation: NUMBER,
      horizon: NUMBER,
    }),
    object_poses: z.array(z.object({
      objectName: z.string(),
      position: z.object({ x: NUMBER, y: NUMBER, z: NUMBER }),
    })),
  }),
  turk_annotations: ANNOTATIONS,
});

/**
 * Reads a `traj_data.json`, whole or reduced to what games need.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { parseAlfredTask } from "@hiper/lab/envs/household";
 *
 * throws(() => parseAlfredTask('{"task_id": 7}'), /"task_id" must be text/);
 * ```
 *
 * @param text The JSON of one task.
 * @param where Where it comes from, for messages: a path, or a path and a line.
 * @returns What is needed of it.
 * @throws {SyntaxError} If it is no JSON.
 * @throws {TypeError} If something needed is missing or of the wrong kind, as `task_type` is in ALFRED's
 *   test splits.
 */
export function parseAlfredTask(text: string, where = "a task"): AlfredTask {
  return readSettings(ALFRED_TASK, parseJson(text, where), `read "${where}"`);
}

/**
 * Parses the annotations of a task, one per annotator; other fields of the recording may be absent.
 *
 * @throws {SyntaxError} If the text is no JSON.
 * @throws {TypeError} If there is no list of annotations.
 */
export function parseAnnotations(
  text: string,
  where = "annotations",
): AlfredTask["turk_annotations"] {
  const json = parseJson(text, where);
  return readSettings(ANNOTATED, json, `read "${where}"`).turk_annotations;
}

/**
 * Task sentence of the first annotation, without its full stop and with only characters that are
 * free in the grammar; undefined where there is no annotation.
 */
export function humanSentence(
  { anns }: AlfredTask["turk_annotations"],
): string | undefined {
  // The grammar of game files gives some characters a meaning of their own.
  const plain = anns[0]?.task_desc.replace(/[";|<>[\]{}#\\]|[^ -~]/g, " ");
  return plain?.replace(/ +/g, " ").trim().replace(/ ?\.$/, "");
}
