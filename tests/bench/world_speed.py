"""The worlds' Python packages, for world_speed.ts: python world_speed.py <world> <episodes> <steps>.

Needs miniwob 1.1.0 with chromedriver, or scienceworld 1.2.3 with Java. Prints seconds of the clock and of the processor
(of the whole tree of processes) as JSON.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def cpu_seconds():
    """Seconds of the processor of this process and all below it, ended ones among them."""
    parents, ticks = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                text = file.read()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2:].split()
        parents[int(name)] = int(fields[1])
        ticks[int(name)] = sum(map(int, fields[11:15]))
    total = 0
    for pid, spent in ticks.items():
        at = pid
        while at is not None and at != os.getpid():
            at = parents.get(at)
        if at is not None:
            total += spent
    return total / os.sysconf("SC_CLK_TCK")


class Screen:
    """click-checkboxes: the first checkbox is clicked again and again."""

    def __init__(self, number):
        import gymnasium
        import miniwob
        from miniwob.action import ActionTypes

        gymnasium.register_envs(miniwob)
        self.env = gymnasium.make("miniwob/click-checkboxes-v1")
        observation, _ = self.env.reset(seed=5)
        self.env.unwrapped.instance.driver.execute_script(
            "core.EPISODE_MAX_TIME = 1e6;")
        ref = next(one["ref"] for one in observation["dom_elements"]
                   if one["tag"] == "input_checkbox")
        self.action = self.env.unwrapped.create_action(
            ActionTypes.CLICK_ELEMENT, ref=ref)

    def step(self, i):
        self.env.step(self.action)

    def close(self):
        self.env.close()


class Laboratory:
    """find-non-living-thing, variation 0, easy: three actions in turn."""

    actions = ["teleport to kitchen", "look around", "teleport to outside"]

    def __init__(self, number):
        from scienceworld import ScienceWorldEnv

        self.env = ScienceWorldEnv("", envStepLimit=10000)
        self.env.load("find-non-living-thing", 0, "easy")
        self.env.reset()

    def step(self, i):
        self.env.step(self.actions[i % len(self.actions)])

    def close(self):
        self.env.close()


def main():
    os.environ.setdefault("SE_OFFLINE", "true")
    world, count, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    kind = {"miniwob": Screen, "scienceworld": Laboratory}[world]
    with ThreadPoolExecutor(count) as pool:
        started, cpu = time.perf_counter(), cpu_seconds()
        envs = list(pool.map(kind, range(count)))
        opened, cpu_opened = time.perf_counter(), cpu_seconds()
        for i in range(steps):
            list(pool.map(lambda env: env.step(i), envs))
        seconds, played = time.perf_counter() - opened, cpu_seconds()
        list(pool.map(lambda env: env.close(), envs))
    print(json.dumps({
        "openSeconds": opened - started,
        "openCpu": cpu_opened - cpu,
        "seconds": seconds,
        "cpu": played - cpu_opened,
    }))


main()
