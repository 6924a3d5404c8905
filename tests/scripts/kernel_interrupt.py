"""Interrupts a training in a notebook's kernel, and says what became of the cell and of the kernel."""

import json
import queue
import sys
import time

from jupyter_client.manager import start_new_kernel

START = """
import { assembleTraining, defineConfig, show, startNotebook } from "@hiper/lab";
const { signal } = await startNotebook();
const training = await assembleTraining(
  defineConfig({ worlds: [{ kind: "corridor" }], iterations: 100_000, rollout: { tasks: 64 } }),
  { signal },
);
"""
TRAIN = 'for await (const { iteration } of training) console.log("iteration", iteration);'
AFTER = 'console.log("alive after", training.iteration, signal.aborted);'


def run(client, code, on_output=lambda: None, seconds=120):
    """Runs a cell; its reply, what it printed, and the names of its errors."""
    request = client.execute(code)
    printed, errors, deadline = "", [], time.time() + seconds
    idle = False
    while time.time() < deadline:
        try:
            message = client.get_iopub_msg(timeout=0.3 if idle else 1)
        except queue.Empty:
            if idle:
                break
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if message["msg_type"] == "stream":
            printed += content["text"]
            on_output()
        elif message["msg_type"] == "error":
            errors.append(f"{content['ename']}: {content['evalue']}")
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            idle = True
    return {"finished": idle, "printed": printed, "errors": errors}


def main():
    manager, client = start_new_kernel(kernel_name="deno", cwd=sys.argv[1])
    try:
        started = run(client, START)
        interrupted = []

        def interrupt_once():
            if not interrupted:
                interrupted.append(True)
                manager.interrupt_kernel()

        trained = run(client, TRAIN, on_output=interrupt_once, seconds=60)
        after = run(client, AFTER)
        result = {"started": started, "trained": trained, "after": after, "alive": manager.is_alive()}
        print(json.dumps(result))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main()
