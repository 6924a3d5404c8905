"""Typed client of a served text world (`deno task serve`), for OpenEnv 0.2 and later.

    from hiper_client import TextWorld, Command, list_tasks

    with TextWorld(base_url="http://127.0.0.1:8000").sync() as world:
        result = world.reset(seed=3)
        result = world.step(Command(command=result.observation.admissible[0]))

`openenv.core.generic_client.GenericEnvClient` needs none of this and gives plain dictionaries.
"""

import json
import urllib.request
from typing import Any, Dict, List, Optional

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.types import Action, Observation, State


class Command(Action):
    """One text command."""

    command: str


class TextObservation(Observation):
    """What the world shows; `reward`, `done` and `metadata` are fields of the base class."""

    text: str = ""
    admissible: List[str] = []
    goal: str = ""
    score: Optional[float] = 0.0
    success: Optional[bool] = None
    truncated: bool = False


class TextState(State):
    """The episode: which task, which seed, how far."""

    goal: str = ""
    seed: Optional[int] = None
    max_steps: int = 50
    task_id: Optional[str] = None
    cumulative_reward: Optional[float] = 0.0


class TextWorld(EnvClient[Command, TextObservation, TextState]):
    """A session with one world. `reset` takes seed, task_id, task_index, split, max_steps, admissible."""

    def _step_payload(self, action: Command) -> Dict[str, Any]:
        return {"command": action.command}

    def _parse_result(self, payload: Dict[str, Any]) -> StepResult[TextObservation]:
        reward, done = payload.get("reward"), payload.get("done", False)
        observation = TextObservation(**payload["observation"], reward=reward, done=done)
        return StepResult(observation=observation, reward=reward, done=done)

    def _parse_state(self, payload: Dict[str, Any]) -> TextState:
        return TextState(**payload)


def list_tasks(base_url: str, split: str, token: Optional[str] = None) -> List[Dict[str, Any]]:
    """Tasks of a split; `reset(task_id=task["id"])` plays one."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    open_url = lambda path, data=None: json.load(
        urllib.request.urlopen(urllib.request.Request(f"{base_url.rstrip('/')}/{path}", data, headers), timeout=60)
    )
    name = open_url("list_environments")[0]
    return open_url(f"{name}/tasks", json.dumps({"split": split}).encode())["tasks"]
