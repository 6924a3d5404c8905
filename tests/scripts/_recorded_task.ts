/**
 * A task as ALFRED records it.
 *
 * @module
 */

/** Its game takes three commands. */
export const RECORDED_TASK = {
  task_id: "trial_1",
  task_type: "look_at_obj_in_light",
  pddl_params: {
    object_target: "AlarmClock",
    parent_target: "",
    toggle_target: "DeskLamp",
    mrecep_target: "",
    object_sliced: false,
  },
  scene: {
    scene_num: 301,
    init_action: { x: -0.75, z: -1.25, rotation: 0, horizon: 30 },
    object_poses: [{
      objectName: "AlarmClock_a1",
      position: { x: -1.3528, y: 1.2358, z: -0.6494 },
    }],
  },
  turk_annotations: { anns: [] },
};
