"""GRPO with hierarchical credit, on a served text world, with TRL.

    deno task serve household --set difficulty=easy --port 8000
    deno task credit --port 8100
    python trl_example.py --model Qwen/Qwen3-0.6B

`--tiny` makes a random model of about 100,000 parameters that first imitates random play, so that everything can be
tried on a processor, without a network, in a minute: `deno task serve corridor --set length=5 --set doors=0`.
"""

import argparse
import json
import os
import random

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import hiper_credit
from datasets import Dataset
from openenv.core.generic_client import GenericEnvClient
from trl import GRPOConfig

TASK = "Play this text world with the tool `act`, one command at a time, until the task is done."


def world_factory(url: str, token: str | None = None):
    """A class whose instances are sessions; TRL makes one for each completion, and resets it for each episode."""
    headers = {"headers": {"Authorization": f"Bearer {token}"}} if token else {}

    class World:
        def __init__(self):
            self._client = GenericEnvClient(base_url=url, **headers).sync()
            self._client.connect()
            self.credit_turns, self.reward, self.done = [], 0.0, False

        def reset(self, seed: int = 0, **_) -> str:
            result = self._client.reset(seed=int(seed))
            self.credit_turns, self.reward, self.done = [], 0.0, False
            return self._show(result)

        def act(self, command: str) -> str:
            """
            Run one text command in the world.

            Args:
                command: The command to run

            Returns:
                What the world shows.
            """
            if self.done:
                raise ValueError("The episode is over.")
            result = self._client.step({"command": command})
            self.reward += float(result.reward or 0)
            self.done = result.done
            # A subgoal that the model writes would go here: {"subgoal": …, "new_subgoal": True}.
            self.credit_turns.append({"reward": float(result.reward or 0), "observation": result.observation["text"]})
            return self._show(result)

        def _show(self, result) -> str:
            seen = result.observation
            return f"{seen['text']}\nCommands: {', '.join(seen['admissible'])}" if seen["admissible"] else seen["text"]

    return World


def tiny_model(world, seeds, steps: int):
    """A random Qwen3 with a tokenizer of its own, warmed up on random play so that it calls the tool."""
    from pathlib import Path

    import torch
    import trl
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0), random.seed(0), torch.set_num_threads(1)
    templates = Path(trl.__file__).parent / "chat_templates"
    training = (templates / "qwen3_training.jinja").read_text()
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    plain = PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=training)
    pairs = []
    for seed in list(seeds) * 10:
        shown = world.reset(seed)
        messages = [{"role": "user", "content": TASK + shown}]
        for _ in range(8):
            command = random.choice(shown.split("Commands: ")[-1].split(", ")) if not world.done else None
            said = f'<tool_call>\n{json.dumps({"name": "act", "arguments": {"command": command}})}\n</tool_call>'
            target = (said if command else "end") + "<|im_end|>"
            before = plain.apply_chat_template(
                messages, tools=[world.act], tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            pairs.append((before, target))
            if not command:
                break
            call = {"type": "function", "function": {"name": "act", "arguments": {"command": command}}}
            shown = world.act(command)
            messages += [
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "name": "act", "content": shown},
            ]
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
    marks += ["<tool_response>", "</tool_response>", "<think>", "</think>"]
    learn = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    raw.train_from_iterator([a + b for a, b in pairs], learn)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        chat_template=(templates / "qwen3.jinja").read_text(),  # recognized by TRL as it stands
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
    )
    ids = [tuple(tokenizer(t, add_special_tokens=False)["input_ids"] for t in pair) for pair in pairs]
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=4096, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        batch = random.sample(ids, 5)
        length, pad = max(len(a) + len(b) for a, b in batch), tokenizer.pad_token_id
        x = torch.tensor([a + b + [pad] * (length - len(a) - len(b)) for a, b in batch])
        y = torch.tensor([[-100] * len(a) + b + [-100] * (length - len(a) - len(b)) for a, b in batch])
        loss = model(input_ids=x, labels=y, attention_mask=(x != pad).long()).loss
        optimizer.zero_grad(), loss.backward(), optimizer.step(), schedule.step()
    print("warm-up loss", round(loss.item(), 3), "parameters", model.num_parameters())
    return model, tokenizer


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--url", default="http://127.0.0.1:8000", help="served world")
    words.add_argument("--credit", default=hiper_credit.DEFAULT_URL, help="credit service")
    words.add_argument("--model", default="Qwen/Qwen3-0.6B")
    words.add_argument("--tiny", action="store_true")
    words.add_argument("--warm-up", type=int, default=160, help="steps of the tiny model's warm-up")
    words.add_argument("--steps", type=int, default=2)
    words.add_argument("--generations", type=int, default=4)
    words.add_argument("--seeds", type=int, default=4, help="tasks, by their seeds")
    words.add_argument("--out", default="trl_out")
    asked = words.parse_args()
    World = world_factory(asked.url, os.environ.get("HIPER_TOKEN"))
    model, more = asked.model, {}
    if asked.tiny:
        model, tokenizer = tiny_model(World(), range(asked.seeds), asked.warm_up)
        more = {"processing_class": tokenizer}
    trainer = hiper_credit.HaeGRPOTrainer(
        model=model,
        args=GRPOConfig(
            output_dir=asked.out, per_device_train_batch_size=asked.generations, num_generations=asked.generations,
            max_steps=asked.steps, max_completion_length=600 if asked.tiny else 4096, max_tool_calling_iterations=8,
            learning_rate=1e-3 if asked.tiny else 1e-6, logging_steps=1, report_to=[], save_strategy="no",
            use_cpu=asked.tiny, bf16=not asked.tiny, disable_tqdm=True,
            chat_template_kwargs={"enable_thinking": False},
        ),  # fmt: skip
        train_dataset=Dataset.from_list(
            [{"prompt": [{"role": "user", "content": TASK}], "seed": seed} for seed in range(asked.seeds)]
        ),
        reward_funcs=lambda environments, **_: [one.reward for one in environments],
        environment_factory=World,
        credit={"url": asked.credit, "gamma": 0.95},
        **more,
    )  # fmt: skip
    before = [one.detach().clone() for one in trainer.model.parameters()]
    trainer.train()
    changed = sum((a != b).any().item() for a, b in zip(before, trainer.model.parameters()))
    for row in trainer.state.log_history:
        names = ("step", "reward", "reward_std", "grad_norm", "tools/call_frequency", "tools/failure_frequency")
        print({name: row[name] for name in names if name in row})
    print(f"changed {changed} of {len(before)} tensors")


if __name__ == "__main__":
    main()
