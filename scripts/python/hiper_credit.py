"""Hierarchical credit for Python trainers: the episodes go to `deno task credit`, one number a turn comes back.

    from hiper_credit import hae_advantages, spread
    credit = hae_advantages(episodes, url="http://127.0.0.1:8100", gamma=0.99)
    advantages = [spread(mask, one["advantages"]) for mask, one in zip(masks, credit["episodes"])]

`hae_advantages` and `spread` need the standard library alone. `HaeGRPOTrainer` needs TRL, `register_verl` verl and
`register_skyrl` SkyRL; each is imported when it is asked for. The contract of episodes is in docs/ecosystem.md.
"""

import json
import subprocess
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List, Optional, Sequence

Episode = Dict[str, Any]
DEFAULT_URL = "http://127.0.0.1:8100"


class CreditError(ValueError):
    """A request that was refused; `place` names what is wrong: episodes[3].turns[2].reward."""

    def __init__(self, place: str, message: str):
        super().__init__(message)
        self.place = place


def hae_advantages(
    episodes: Sequence[Episode],
    url: Optional[str] = DEFAULT_URL,
    command: Optional[Sequence[str]] = None,
    token: Optional[str] = None,
    timeout: float = 60.0,
    algorithm: str = "hae",
    **settings: Any,
) -> Dict[str, Any]:
    """Assigns credit.

    episodes: one dict each, with "id", "turns" and, if wanted, "group", "truncated", "bootstrap_value".
    url: a service started by `deno task credit --port 8100`; or
    command: a process that answers lines, such as ["deno", "task", "--quiet", "credit"].
    settings: gamma, lambda_ or lambda, lambda_plan, normalize, settings={...} of the estimator.
    """
    request = {"version": 1, "algorithm": algorithm, "episodes": list(episodes)}
    request.update({name.rstrip("_"): value for name, value in settings.items()})
    body = json.dumps(request, allow_nan=False)
    if command is not None:
        done = subprocess.run(command, input=body + "\n", capture_output=True, text=True, timeout=timeout)
        if not done.stdout.strip():
            raise RuntimeError(f"credit failed: {done.stderr.strip()}")
        reply = json.loads(done.stdout.splitlines()[-1])
    else:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        sent = urllib.request.Request(f"{url.rstrip('/')}/v1/credit", body.encode(), headers)
        try:
            with urllib.request.urlopen(sent, timeout=timeout) as answer:
                reply = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 422:
                raise
            reply = json.load(error)
    for wrong in reply.get("errors", []):
        raise CreditError(wrong["place"], wrong["message"])
    return reply


def runs(mask: Sequence[Any]) -> List[range]:
    """Runs of ones in a token mask: the k-th run holds the tokens that the model wrote on turn k."""
    found, start = [], None
    for i, one in enumerate([*mask, 0]):
        if one and start is None:
            start = i
        elif not one and start is not None:
            found.append(range(start, i))
            start = None
    return found


def spread(mask: Sequence[Any], per_turn: Sequence[float], beyond: float = 0.0) -> List[float]:
    """Gives every token of turn k the k-th number; tokens of runs beyond the last turn get `beyond`."""
    values = [0.0] * len(mask)
    for k, run in enumerate(runs(mask)):
        for i in run:
            values[i] = per_turn[k] if k < len(per_turn) else beyond
    return values


def spread_segments(mask: Sequence[Any], turns: Sequence[Episode], segments: Sequence[Sequence[float]]) -> List[float]:
    """Gives the tokens of every segment its number; `start` and `end` of segments count the tokens of their turn."""
    values = [0.0] * len(mask)
    for run, turn, numbers in zip(runs(mask), turns, segments):
        for segment, number in zip(turn.get("segments") or [], numbers):
            for i in run[segment["start"] : segment["end"]]:
                values[i] = number
    return values


def episodes_of_tokens(
    rewards: Any,
    mask: Any,
    index: Sequence[Any],
    values: Any = None,
    turns: Optional[Callable[[str, int], Optional[List[Episode]]]] = None,
) -> List[Episode]:
    """Episodes of token tensors (B, T): a run of the mask is a turn; its reward is what is paid until the next run.

    index: group of each row. turns: what else is known of an episode's turns (subgoal, new_subgoal, kind), asked with
    the group and the number of the row within it; a token mask does not tell where a subgoal was taken up.
    """
    seen: Dict[str, int] = {}
    episodes = []
    for row, group in enumerate(map(str, index)):
        number = seen[group] = seen.get(group, -1) + 1
        found = runs(mask[row].tolist())
        paid = rewards[row].tolist()
        known = (turns(group, number) if turns else None) or []
        written = []
        for k, run in enumerate(found):
            start = 0 if k == 0 else run.start
            end = found[k + 1].start if k + 1 < len(found) else len(paid)
            turn = {"reward": float(sum(paid[start:end])), "new_subgoal": k == 0}
            if values is not None:
                value = float(values[row][run.start])
                turn |= {"value": value, "value_plan": value, "value_switch": value}
            written.append(turn | (known[k] if k < len(known) else {}))
        episodes.append({"id": f"{group}#{number}", "group": group, "turns": written})
    return episodes


def token_advantages(rewards: Any, mask: Any, index: Sequence[Any], values: Any = None, turns=None, **settings: Any):
    """Advantages and returns (B, T) of token tensors, for estimators of verl and SkyRL."""
    import torch

    episodes = episodes_of_tokens(rewards, mask, index, values, turns)
    played = [i for i, one in enumerate(episodes) if one["turns"]]
    advantages, returns = torch.zeros(mask.shape), torch.zeros(mask.shape)
    if played:
        credit = hae_advantages([episodes[i] for i in played], **settings)["episodes"]
        for i, one in zip(played, credit):
            row = mask[i].tolist()
            advantages[i] = torch.tensor(spread(row, one["advantages"]))
            returns[i] = torch.tensor(spread(row, one["returns"]))
    return advantages.to(mask.device), returns.to(mask.device)


def register_verl(name: str = "hiper_hae", **settings: Any) -> None:
    """Registers an estimator with verl: `algorithm.adv_estimator: hiper_hae`. verl gives it no values."""
    from verl.trainer.ppo import core_algos

    @core_algos.register_adv_est(name)
    def estimate(token_level_rewards, response_mask, config=None, index=None, **more):
        gamma = {"gamma": float(config["gamma"])} if config is not None and "gamma" in config else {}
        return token_advantages(token_level_rewards, response_mask, index, more.get("values"), **gamma | settings)


def register_skyrl(name: str = "hiper_hae", registry: Any = None, **settings: Any) -> None:
    """Registers an estimator with SkyRL: `trainer.algorithm.advantage_estimator: hiper_hae`."""
    if registry is None:
        from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry as registry

    def estimate(token_level_rewards, response_mask, index, values=None, gamma=1.0, lambd=1.0, **_):
        lambdas = {} if values is None else {"lambda": float(lambd)}
        given = {"gamma": float(gamma)} | lambdas | settings
        return token_advantages(token_level_rewards, response_mask, index, values, **given)

    registry.register(name, estimate)


def _grpo_trainer():
    import torch
    from trl import GRPOTrainer

    class HaeGRPOTrainer(GRPOTrainer):
        """GRPO with an advantage for every turn.

        Each environment of `environment_factory` has a list `credit_turns`, the turns of its episode so far, one for
        each tool call, as `hae_advantages` takes them; TRL would make a tool of a method. `credit` holds keywords of
        `hae_advantages`.
        """

        def __init__(self, *args: Any, credit: Optional[Dict[str, Any]] = None, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.credit = dict(credit or {})

        def _generate_and_score_completions(self, inputs):
            output = super()._generate_and_score_completions(inputs)
            mask = output["completion_mask"] * output.get("tool_mask", torch.ones_like(output["completion_mask"]))
            size = self.num_generations if self.model.training else self.num_generations_eval
            turns = [environment.credit_turns for environment in self.environments]
            played = [i for i, one in enumerate(turns) if one]
            values = torch.zeros(mask.shape, device=output["advantages"].device)
            if played:
                episodes = [{"id": str(i), "group": str(i // size), "turns": turns[i]} for i in played]
                for i, one in zip(played, hae_advantages(episodes, **self.credit)["episodes"]):
                    # A closing message without a tool call shares the last turn's credit.
                    numbers = one["advantages"]
                    values[i] = torch.tensor(spread(mask[i].tolist(), numbers, beyond=numbers[-1]))
            output["advantages"] = values
            return output

    return HaeGRPOTrainer


def __getattr__(name: str):
    if name == "HaeGRPOTrainer":
        return _grpo_trainer()
    raise AttributeError(name)
