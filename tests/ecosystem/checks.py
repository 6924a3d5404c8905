"""Checks against the official packages; `deno task ecosystem-check` starts the servers and calls them one by one.

    python checks.py <check> <JSON of addresses and files>

Prints lines `ok …`, `skip …`, `FAIL …`; the exit code is 1 if one failed.
"""

import asyncio
import importlib.metadata as metadata
import json
import os
import socket
import struct
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "python"))
GIVEN = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
WORLD, CORRIDOR, SMALL, CREDIT = (GIVEN.get(name, "") for name in ("world", "corridor", "small", "credit"))


def ok(name, detail=""):
    print(f"ok   {name}{' — ' + str(detail) if detail else ''}", flush=True)


def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def openenv_version():
    return version("openenv") or f"core {version('openenv-core')}"


def generic(url, **more):
    from openenv.core.generic_client import GenericEnvClient

    client = GenericEnvClient(base_url=url, **more)
    return client.sync() if hasattr(client, "sync") else client


def check_client():
    """A win, the state, errors that leave the session open, truncation, equal seeds, parallel sessions, capacity."""
    label = f"openenv {openenv_version()}"
    with generic(CORRIDOR) as world:
        result = world.reset(seed=3, episode_id="drv")
        assert result.observation["text"] and not result.done
        assert world.state()["episode_id"] == "drv"
        for bad, code in (({"nope": 1}, "VALIDATION_ERROR"), ({"command": ""}, "VALIDATION_ERROR")):
            try:
                world.step(bad)
                raise AssertionError("not refused")
            except RuntimeError as error:
                assert code in str(error), error
        rewards = []
        while not result.done:
            result = world.step({"command": "go right"})
            rewards.append(result.reward)
        assert result.reward == 1 and result.observation["success"], result
        try:
            world.step({"command": "wait"})
            raise AssertionError("a step after the end was taken")
        except RuntimeError as error:
            assert "EXECUTION_ERROR" in str(error)
        world.reset(seed=3)
        for _ in range(8):
            result = world.step({"command": "wait"})
        assert result.done and result.observation["truncated"] and result.observation["success"] is False
    ok("client", f"{label}: win, state, errors, step after the end, truncation")
    transcripts = []
    for _ in range(2):
        with generic(WORLD) as world:
            result = world.reset(seed=11)
            seen = [result.observation]
            for _ in range(10):
                result = world.step({"command": result.observation["admissible"][0]})
                seen.append(result.observation)
            transcripts.append(json.dumps(seen))
    assert transcripts[0] == transcripts[1]
    ok("seeds", f"{label}: one seed on two sockets gives one transcript")
    held = [generic(SMALL) for _ in range(2)]
    for i, one in enumerate(held):
        one.__enter__()
        one.reset(seed=i, episode_id=f"c{i}")
    held[1].step({"command": "wait"})
    assert [one.state()["step_count"] for one in held] == [0, 1]
    third = generic(SMALL)
    try:
        third.__enter__()
        third.reset()
        raise AssertionError("a third session of two was admitted")
    except RuntimeError as error:
        assert "CAPACITY_REACHED" in str(error) or "capacity" in str(error), error
    finally:
        third.close()
    for one in held:
        one.close()
    until = time.time() + 2
    while True:
        try:
            with generic(SMALL) as world:
                world.reset()
            break
        except Exception:
            assert time.time() < until, "the slot is not free"
            time.sleep(0.05)
    ok("capacity", f"{label}: isolated sessions, one too many, free again")


def check_validate():
    from subprocess import run

    done = run([f"{Path(sys.executable).parent}/openenv", "validate", "--url", WORLD, "--json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["summary"]["passed_count"] == 6, report
    ok("validate", f"openenv validate: {report['summary']['passed_count']} of {report['summary']['total_count']}")


def check_typed():
    from hiper_client import Command, TextWorld, list_tasks
    from pydantic import ConfigDict

    import hiper_client

    assert hiper_client.TextObservation.model_config.get("extra") == "forbid" or ConfigDict
    tasks = list_tasks(WORLD, "unseen")
    with TextWorld(base_url=WORLD).sync() as world:
        result = world.reset(task_id=tasks[3]["id"], seed=1)
        for _ in range(5):
            result = world.step(Command(command=result.observation.admissible[0]))
        assert world.state().task_id == tasks[3]["id"]
    ok("typed client", f"hiper_client.py: {len(tasks)} tasks of unseen, every reply parsed")


def check_tools():
    from openenv.core.mcp_client import MCPToolClient

    async def run():
        async with MCPToolClient(base_url=CORRIDOR) as client:
            await client.reset(seed=1)
            names = [tool.name for tool in await client.list_tools()]
            text = await client.call_tool("act", command="go right")
            try:
                await client.call_tool("nope")
                raise AssertionError("an unknown tool was called")
            except Exception as error:
                assert "nope" in str(error), error
            return names, text

    names, text = asyncio.run(run())
    assert names == ["act", "actions"] and "corridor" in str(text).lower(), (names, text)
    ok("tools", f"MCPToolClient: {names}")


def check_blocked():
    """A client whose event loop generates for 25 s, longer than pings are waited for elsewhere."""
    from openenv.core.generic_client import GenericEnvClient

    seconds = float(os.environ.get("BLOCKED", "45"))

    async def run():
        async with GenericEnvClient(base_url=CORRIDOR) as world:
            await world.reset(seed=1, episode_id="long")
            time.sleep(seconds)
            await world.step({"command": "wait"})
            state = await world.state()
            assert state["episode_id"] == "long" and state["step_count"] == 1, state

    asyncio.run(run())
    ok("blocked client", f"an event loop that is busy for {seconds:.0f} s keeps its episode")


async def play(ws_url, episode):
    from websockets.asyncio.client import connect

    steps = 0
    async with connect(ws_url, proxy=None, max_size=None) as ws:

        async def ask(frame):
            await ws.send(json.dumps(frame))
            return json.loads(await ws.recv())["data"]

        shown = await ask({"type": "reset", "data": {"seed": episode["seed"]}})
        assert shown["observation"]["text"] == episode["texts"][0], episode["seed"]
        assert shown["observation"]["goal"] == episode["task"]
        for action, text, admissible, reward, done in zip(*(episode[k] for k in ("actions", "next", "admissible", "rewards", "done"))):
            shown = await ask({"type": "step", "data": {"command": action}})
            steps += 1
            seen = shown["observation"]
            assert (seen["text"], shown["reward"], shown["done"]) == (text, reward, done), (episode["seed"], action)
            assert done or seen["admissible"] == admissible
    return steps


def check_sessions():
    """64 sessions at once, each equal to the episode that was played in process."""
    episodes = json.loads(Path(GIVEN["episodes"]).read_text())

    async def run():
        url = WORLD.replace("http", "ws") + "/ws"
        began, cpu = time.time(), time.process_time()
        steps = sum(await asyncio.gather(*[play(url, one) for one in episodes]))
        return steps, time.time() - began, time.process_time() - cpu

    before = busy(GIVEN["pid"])
    steps, wall, cpu = asyncio.run(run())
    server = max(busy(GIVEN["pid"]) - before, 0.01)
    won = sum(one["success"] for one in episodes)
    ok("64 sessions", f"{len(episodes)} episodes ({won} won) and {steps} steps as in process; {steps / wall:.0f} steps/s by the clock, {steps / cpu:.0f} per second of the client's processor, {steps / server:.0f} of the server's, opening the worlds included")


async def wander(ws_url, steps):
    """Plays admissible commands in turn; returns the seconds that steps took."""
    from websockets.asyncio.client import connect

    async with connect(ws_url, proxy=None, max_size=None) as ws:

        async def ask(frame):
            await ws.send(json.dumps(frame))
            return json.loads(await ws.recv())["data"]

        shown = await ask({"type": "reset", "data": {"seed": 1, "max_steps": steps + 1}})
        began = time.time()
        for t in range(steps):
            actions = shown["observation"]["admissible"] or ["look"]
            shown = await ask({"type": "step", "data": {"command": actions[t % len(actions)]}})
            if shown["done"]:
                shown = await ask({"type": "reset", "data": {"seed": 1, "max_steps": steps + 1}})
        return time.time() - began


def check_speed():
    """Steps a second of one game, here and on the official ALFWorld, through the same client, in turns."""
    servers = GIVEN["speed"]
    pids = GIVEN["speed_pids"]

    async def run(url, sessions, steps):
        return await asyncio.gather(*[wander(url.replace("http", "ws") + "/ws", steps) for _ in range(sessions)])

    for sessions, steps in ((1, 300), (8, 100)):
        parts = []
        for name, url in servers.items():
            cpu, began = busy(pids[name]), time.time()
            asyncio.run(run(url, sessions, steps))
            wall, cpu = time.time() - began, busy(pids[name]) - cpu
            parts.append(f"{name} {sessions * steps / wall:.0f} by the clock, {sessions * steps / max(cpu, 0.01):.0f} per second of the server's processor")
        ok(f"speed, {sessions} session{'s' if sessions > 1 else ''}", "steps/s: " + "; ".join(parts))


def busy(pid):
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def upgrade(url):
    host, port = url.split("//")[1].split(":")
    peer = socket.create_connection((host, int(port)), timeout=20)
    peer.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(4096)
    return peer


def frame(text):
    body = text.encode()
    size = struct.pack("!B", 0x80 | len(body)) if len(body) < 126 else struct.pack("!BH", 0xFE, len(body)) if len(body) < 65536 else struct.pack("!BQ", 0xFF, len(body))
    return b"\x81" + size + b"\0\0\0\0" + body


def cut(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def check_faults():
    """Connects and aborts, slow readers, half-closed sockets, a frame of 20 MB; a session beside them goes on."""
    pid = GIVEN["pid"]
    witness = generic(WORLD)
    witness.__enter__()
    witness.reset(seed=5, episode_id="witness")
    reset = frame('{"type":"reset","data":{"seed":1}}')

    def burst(count):
        for i in range(count):
            peer = upgrade(WORLD)
            if i % 3:
                peer.sendall(reset)
            if i % 3 == 2:
                peer.recv(64)
            cut(peer)

    burst(100)  # what is loaded once is loaded
    before = memory(pid)
    burst(1000)
    time.sleep(1)
    aborts = memory(pid)
    slow = [upgrade(WORLD) for _ in range(8)]
    for peer in slow:
        peer.sendall(reset)
        try:
            peer.settimeout(5)
            for _ in range(1000):
                peer.sendall(frame('{"type":"step","data":{"command":"look"}}') * 1)
        except OSError:
            pass  # cut by the server, as too many wait
    time.sleep(2)
    slow_memory = memory(pid)
    for peer in slow:
        cut(peer)
    half = [upgrade(WORLD) for _ in range(50)]
    for peer in half:
        peer.sendall(reset)
        peer.shutdown(socket.SHUT_WR)
    big = upgrade(WORLD)
    big.settimeout(30)
    try:
        big.sendall(frame("x" * 20_000_000))
        answer = big.recv(4096)
    except OSError as error:
        answer = repr(error).encode()
    time.sleep(1)
    for peer in half:
        peer.close()
    cut(big)
    world = witness.step({"command": "look"})
    assert world.observation["text"] and witness.state()["episode_id"] == "witness"
    witness.close()
    time.sleep(2)
    after = memory(pid)
    with generic(WORLD) as world:
        world.reset(seed=1)
    assert b"SESSION_ERROR" in answer or b"rror" in answer, answer
    assert aborts - before < 40, (before, aborts)
    assert after - before < 120, (before, after)
    ok("faults", f"server's memory {before:.0f} MiB before, {aborts:.0f} after 1,000 aborts, {slow_memory:.0f} beside 8 slow readers, {after:.0f} at the end; a session beside them went on")


def check_credit():
    """The service's digits are those in process; hostile input; time."""
    import hiper_credit

    vectors = json.loads(Path(GIVEN["credit_vectors"]).read_text())
    for one in vectors:
        request = dict(one["request"])
        episodes, algorithm = request.pop("episodes"), request.pop("algorithm", "hae")
        reply = hiper_credit.hae_advantages(episodes, url=CREDIT, algorithm=algorithm, **request)
        assert reply == one["reply"], algorithm
    ok("credit", f"{len(vectors)} requests: the digits of {len({one['request'].get('algorithm', 'hae') for one in vectors})} estimators in process")
    for bad, place in (
        ([{"id": "a", "turns": [{"reward": "1"}]}], "episodes[0].turns[0].reward"),
        ([{"id": "a", "turns": [{"reward": 1, "valeu": 1}]}], "episodes[0].turns[0].valeu"),
        ([{"id": "a", "turns": [{"reward": 1}]}] * 2, "episodes[1].id"),
    ):
        try:
            hiper_credit.hae_advantages(bad, url=CREDIT)
            raise AssertionError("accepted")
        except hiper_credit.CreditError as error:
            assert error.place == place, error.place
    for body, status in ((b"[" * 100_000, 422), (b"\xff\xfe", 422), (b" " * 17_000_000, 413)):
        try:
            urllib.request.urlopen(urllib.request.Request(f"{CREDIT}/v1/credit", body, {"content-type": "application/json"}))
            raise AssertionError("accepted")
        except urllib.error.HTTPError as error:
            assert error.code == status, (error.code, body[:10])
        except (ConnectionError, urllib.error.URLError):
            assert status == 413
    ok("hostile credit", "wrong types, unknown keys, doubled names, deep nesting, no UTF-8, 17 MB: refused by place or status")
    import random

    random.seed(1)
    turn = lambda t: {"reward": random.gauss(0, 1), "new_subgoal": t % 5 == 0, "value": random.gauss(0, 1), "value_plan": random.gauss(0, 1)}
    episodes = [{"id": str(i), "group": str(i // 8), "turns": [turn(t) for t in range(30)]} for i in range(512)]
    best, requests = [], 8
    hiper_credit.hae_advantages(episodes, url=CREDIT)
    before = busy(GIVEN["credit_pid"])
    for _ in range(requests):
        began = time.perf_counter()
        hiper_credit.hae_advantages(episodes, url=CREDIT)
        whole = time.perf_counter() - began
        began = time.perf_counter()
        body = json.dumps(episodes)
        json.loads(body)
        best.append((whole, time.perf_counter() - began))
    server = (busy(GIVEN["credit_pid"]) - before) / requests
    whole, own = min(best)
    ok("credit's time", f"512 episodes of 30 turns: {1000 * server:.0f} ms of the service's processor; {1000 * whole:.0f} ms by the clock from Python, JSON in Python alone {1000 * own:.0f} ms")


def check_skyrl_gym():
    import re

    import skyrl_gym
    from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput
    from skyrl_gym.envs.registration import register

    class World(BaseTextEnv):
        def __init__(self, env_config=None, extras={}):
            super().__init__()
            self.max_turns = extras["max_turns"]
            self.client = generic(extras["url"])
            self.client.__enter__()
            self.extras = extras

        def init(self, prompt):
            result = self.client.reset(seed=self.extras["seed"])
            return [*prompt, {"role": "user", "content": result.observation["text"]}], {}

        def step(self, action):
            self.turns += 1
            found = re.findall(r"<action>(.*?)</action>", action)
            result = self.client.step({"command": found[-1] if found else "wait"})
            shown = [] if result.done else [{"role": "user", "content": result.observation["text"]}]
            return BaseTextEnvStepOutput(
                observations=shown, reward=float(result.reward or 0), done=result.done, metadata={"success": result.observation["success"]}
            )

        def close(self):
            self.client.close()

    register(id="hiper_corridor", entry_point=World)
    env = skyrl_gym.make("hiper_corridor", env_config={}, extras={"url": CORRIDOR, "max_turns": 8, "seed": 3})
    env.init([{"role": "user", "content": "Leave."}])
    total, output = 0.0, None
    while output is None or not output["done"]:
        output = env.step("<action>go right</action>")
        total += output["reward"]
    env.close()
    assert total == 1.0
    ok("skyrl-gym", f"{version('skyrl-gym')}: an episode through BaseTextEnv, total reward {total}")


def toy():
    import numpy as np
    import torch

    mask = torch.tensor([[1, 1, 0, 0, 1, 1, 0, 1], [1, 0, 0, 1, 1, 1, 0, 0]])
    rewards = torch.zeros(2, 8)
    rewards[0, 7] = 1.0
    return mask, rewards, np.array(["u", "u"], dtype=object)


def check_verl():
    import hiper_credit
    import torch
    from verl.trainer.ppo import core_algos

    hiper_credit.register_verl(url=CREDIT, algorithm="hae", gamma=0.5, normalize="none")
    mask, rewards, index = toy()
    estimate = core_algos.get_adv_estimator_fn("hiper_hae")
    advantages, returns = estimate(token_level_rewards=rewards, response_mask=mask, config=None, index=index)
    wanted = torch.tensor([[0.25, 0.25, 0, 0, 0.5, 0.5, 0, 1], [0.0] * 8])
    assert torch.equal(advantages, wanted) and torch.equal(returns, wanted), advantages
    ok("verl", f"{version('verl')}: registered estimator on tensors")


def check_skyrl():
    import hiper_credit
    import torch

    class Registry:
        known = {}

        @classmethod
        def register(cls, name, function):
            cls.known[str(name)] = function

    registry, label = Registry, "its registry's interface (the trainer's package needs Python 3.12)"
    try:
        from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry

        registry, label = AdvantageEstimatorRegistry, f"skyrl {version('skyrl')}"
    except Exception:
        pass
    hiper_credit.register_skyrl(registry=registry, url=CREDIT, normalize="none")
    function = registry.known["hiper_hae"] if registry is Registry else registry.get("hiper_hae")
    mask, rewards, index = toy()
    values = torch.zeros(2, 8)
    advantages, returns = function(
        token_level_rewards=rewards, response_mask=mask, index=index, values=values, grpo_norm_by_std=True, gamma=0.5, lambd=1.0, config=None
    )
    assert advantages.shape == mask.shape and advantages[0, 7] == 1, advantages
    ok("skyrl estimator", f"{label}: on tensors, with values")


if __name__ == "__main__":
    name = sys.argv[1]
    try:
        globals()[f"check_{name}"]()
    except ModuleNotFoundError as error:
        print(f"skip {name} — {error}", flush=True)
    except BaseException as error:
        traceback.print_exc()
        print(f"FAIL {name} — {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
