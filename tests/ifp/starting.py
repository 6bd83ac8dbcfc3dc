"""Commands in processes of their own that need not import anything: a server has, and forks one for each.

What starts is the same code with the same arguments, folder, environment and streams as ``python -m ifp``; only the
second or two of imports, which most tests would spend more time with than with what they test, are spent once. What
starting itself does is tested elsewhere, by processes that begin from nothing.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_IMPORTED = (
    *("torch", "pandas", "scipy.stats", "sklearn.metrics", "matplotlib.figure", "seaborn", "ifp.cli", "ifp.api.kinds"),
    *(f"ifp.api.{name}" for name in ("anneal", "compare", "plan_stages", "score", "spectrum", "train", "traverse")),
)


class Starter:
    """A server that has imported everything, and starts ``python -m ifp`` from there."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.ifp.starting import serve; serve()"],
            cwd=Path(__file__).parents[2], env={**environment, "PYTHONPATH": ""}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(
        self, folder: str | Path, environment: Mapping[str, str], words: Sequence[str], stdin: str
    ) -> "subprocess.CompletedProcess[str]":
        """What ``subprocess.run`` gives of ``python -m ifp`` with these words."""
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "0").write_text(stdin)
            asked = {"folder": str(folder), "environment": dict(environment), "words": list(words), "streams": name}
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            out, error = ((Path(name) / number).read_text() for number in "12")
        return subprocess.CompletedProcess([sys.executable, "-m", "ifp", *words], code, out, error)

    def end(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()


def serve() -> None:
    """Import, then start what is asked for, line by line, one after the other."""
    import importlib

    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _begin(**asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _begin(folder: str, environment: dict[str, str], words: list[str], streams: str) -> None:
    """Become ``python -m ifp``; never returns."""
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_CREAT), (2, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(f"{streams}/{number}", mode, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.alarm(300)
    sys.argv, code = ["ifp", *words], 0
    try:
        runpy.run_module("ifp", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
