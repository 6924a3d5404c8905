"""A small world on the official server, for the project's client: `PORT=… python house_server.py`."""

import inspect
import os
import uuid
from typing import List, Optional

import uvicorn
from openenv.core.env_server import Environment, create_fastapi_app
from openenv.core.env_server.types import Action, ConcurrencyConfig, Observation, State
from pydantic import Field

PLAN = ["open fridge", "take apple", "put apple on table"]


class HouseAction(Action):
    command: str = Field(..., min_length=1)


class HouseObservation(Observation):
    text: str = ""
    admissible: List[str] = []
    goal: str = "put the apple on the table"
    success: Optional[bool] = None
    truncated: bool = False


class House(Environment[HouseAction, HouseObservation, State]):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self):
        super().__init__()
        self._state, self._done = State(), 0

    def _show(self, text, reward=None, done=False, **more):
        actions = [] if done else [PLAN[self._done], "wait"]
        return HouseObservation(text=text, admissible=actions, reward=reward, done=done, **more)

    def reset(self, seed: Optional[int] = None, episode_id: Optional[str] = None, **_):
        self._done, self._state = 0, State(episode_id=episode_id or str(uuid.uuid4()), step_count=0)
        return self._show("You are in a kitchen.")

    def step(self, action: HouseAction, timeout_s: Optional[float] = None, **_):
        if action.command == "boom":
            raise ValueError("the world broke")
        if action.command == "die":
            os._exit(1)
        self._state.step_count += 1
        if action.command == PLAN[self._done]:
            self._done += 1
            if self._done == len(PLAN):
                return self._show("Done.", 1.0, True, success=True)
            return self._show(f"OK: {action.command}.", 0.0)
        if self._state.step_count >= 5:
            return self._show("Out of steps.", 0.0, True, success=False, truncated=True)
        return self._show("Nothing happens.", 0.0)

    @property
    def state(self):
        return self._state


known = inspect.signature(create_fastapi_app).parameters
more = {"env_name": "house"} if "env_name" in known else {}
app = create_fastapi_app(House, HouseAction, HouseObservation, concurrency_config=ConcurrencyConfig(max_concurrent_envs=3), **more)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
