"""Executes notebooks on the Deno kernel with Jupyter's own client, and checks what they show.

    python scripts/run_notebooks.py [--write] [--html FOLDER] notebooks/*.ipynb

Each notebook is run top to bottom in a kernel of its own, started in the notebook's folder.
It fails if a cell raises, if a cell marked by a `show(` call shows nothing, if the sources of
the committed outputs differ from the cells (stale), or if the file is larger than 600 kB.
With --write the outputs are stored in the file, without the script that carries Plotly.
"""

import argparse
import hashlib
import pathlib
import queue
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbclient.util import ensure_async

MAX_BYTES = 600_000
LIBRARY = re.compile(r'<script data-mark="hiper-plotly">.*?</script>', re.DOTALL)


class PatientClient(NotebookClient):
    """Keeps reading for a moment after `idle`, which the kernel may send before the last output."""

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        idle = False
        while True:
            try:
                timeout = 0.15 if idle else None
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=timeout))
            except queue.Empty:
                return
            if message["parent_header"].get("msg_id") != parent_msg_id:
                continue
            try:
                self.process_message(message, cell, cell_index)
            except CellExecutionComplete:
                idle = True


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def source_hash(notebook):
    """Names the sources that the outputs belong to."""
    sources = [cell.source for cell in code_cells(notebook)]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def complaints(notebook):
    """What is wrong with an executed notebook."""
    for index, cell in enumerate(code_cells(notebook)):
        bundles = [output.get("data", {}) for output in cell.outputs]
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"code cell {index} raised an error"
        if re.search(r"\bshow\(|\.update\(", cell.source) and not any(
            "text/html" in bundle for bundle in bundles
        ):
            yield f"code cell {index} shows a figure or a table in its source but not in its output"


def strip_library(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html")
            if html:
                output["data"]["text/html"] = LIBRARY.sub("", html)


def run(path, arguments):
    committed = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    started = time.time()
    try:
        PatientClient(notebook, kernel_name=arguments.kernel, timeout=900, resources=resources).execute()
    except Exception as error:  # the traceback of the cell is in the message
        return [str(error)[-3000:]], time.time() - started
    problems = list(complaints(notebook))
    if arguments.html:
        from nbconvert import HTMLExporter

        page, _ = HTMLExporter().from_notebook_node(notebook)
        pathlib.Path(arguments.html, path.stem + ".html").write_text(page)
    if arguments.write:
        strip_library(notebook)
        notebook.metadata["hiper"] = {"sources": source_hash(notebook)}
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(notebook, path)
    elif committed.metadata.get("hiper", {}).get("sources") != source_hash(committed):
        problems.append("its committed outputs are stale: run `deno task notebooks --write`")
    if path.stat().st_size > MAX_BYTES:
        problems.append(f"it has {path.stat().st_size} bytes, more than {MAX_BYTES}")
    return problems, time.time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--write", action="store_true", help="store the outputs in the files")
    parser.add_argument("--html", help="also export pages to this folder, Plotly included")
    parser.add_argument("--kernel", default="deno", help="name of the kernel specification")
    arguments = parser.parse_args()
    if arguments.html:
        pathlib.Path(arguments.html).mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in arguments.notebooks:
        problems, seconds = run(path, arguments)
        failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok':6} {path} ({seconds:.0f} s)", flush=True)
        for problem in problems:
            print(f"       {problem}", flush=True)
    print(f"notebooks: {len(arguments.notebooks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
