"""One game of the official ALFWorld on the official server: `PORT=… GAME=… python alfworld_server.py`."""

import os
import uuid
from typing import List, Optional

import textworld
import uvicorn
from openenv.core.env_server import Environment, create_fastapi_app
from openenv.core.env_server.types import Action, ConcurrencyConfig, Observation, State


class GameAction(Action):
    command: str


class GameObservation(Observation):
    text: str = ""
    admissible: List[str] = []
    success: Optional[bool] = None


class Game(Environment[GameAction, GameObservation, State]):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self):
        super().__init__()
        self._game, self._state = None, State()

    def _show(self, state, reward, done):
        actions = list(state["admissible_commands"])
        return GameObservation(text=state["feedback"], admissible=actions, reward=reward, done=done, success=bool(state["won"]))

    def reset(self, seed: Optional[int] = None, episode_id: Optional[str] = None, **_):
        if self._game is None:
            infos = textworld.EnvInfos(won=True, admissible_commands=True)
            self._game = textworld.start(os.environ["GAME"], infos)
        self._state = State(episode_id=episode_id or str(uuid.uuid4()), step_count=0)
        return self._show(self._game.reset(), None, False)

    def step(self, action: GameAction, timeout_s: Optional[float] = None, **_):
        self._state.step_count += 1
        state, score, done = self._game.step(action.command)
        return self._show(state, float(bool(state["won"])), bool(done))

    @property
    def state(self):
        return self._state


app = create_fastapi_app(Game, GameAction, GameObservation, concurrency_config=ConcurrencyConfig(max_concurrent_envs=64), env_name="alfworld")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
