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
from typing import Any

EVERYTHING = (
    *("torch", "pandas", "scipy.stats", "sklearn.metrics", "matplotlib.figure", "seaborn", "ifp.cli", "ifp.api.kinds"),
    *("torch._dynamo", "sympy", "matplotlib.backends.backend_agg", "PIL.GifImagePlugin", "scipy.io"),  # on first use
    *(f"ifp.api.{name}" for name in ("anneal", "compare", "plan_stages", "score", "spectrum", "train", "traverse")),
)


class Starter:
    """A server that has imported some modules, and starts ``python`` with what would follow on its command line."""

    def __init__(self, environment: Mapping[str, str], imported: Sequence[str] = EVERYTHING) -> None:
        self._environment = environment
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from tests.ifp.starting import serve; serve(sys.argv[1:])", *imported],
            cwd=Path(__file__).parents[2], env={**environment, "PYTHONPATH": ""}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(self, folder: str | Path, *words: object, stdin: str = "", **more: str) -> "Started":
        """A process that has begun with ``-m MODULE``, or ``-c CODE``, and arguments.

        Args:
            folder: where it works.
            more: of its environment.
        """
        return Started(self, str(folder), {**self._environment, **more}, [*map(str, words)], stdin)

    def run(self, folder: str | Path, *words: object, stdin: str = "", **more: str) -> "Ended":
        """The same, once it has ended."""
        return self.start(folder, *words, stdin=stdin, **more).wait()

    def ask(self, **asked: Any) -> int | None:
        """What the server answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: int | None = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()


Ended = subprocess.CompletedProcess[str]


class Started:
    """A process that a server has forked: to be watched, signalled and waited for, as :class:`subprocess.Popen` is."""

    def __init__(
        self, starter: Starter, folder: str, environment: dict[str, str], words: list[str], stdin: str
    ) -> None:
        self._starter, self._words, self._streams = starter, words, tempfile.TemporaryDirectory()
        self._code: int | None = None
        (Path(self._streams.name) / "0").write_text(stdin)
        begun = {"folder": folder, "environment": environment, "words": words, "streams": self._streams.name}
        pid = starter.ask(begin=begun)
        assert pid is not None
        self.pid = pid

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        if self._code is None:
            self._code = self._starter.ask(pid=self.pid, flags=os.WNOHANG)
        return self._code

    def told(self, stream: int = 2) -> str:
        """What it has written so far: to stderr, or to stdout."""
        path = Path(self._streams.name) / str(stream)
        return path.read_text() if path.exists() else ""

    def send_signal(self, number: int) -> None:
        """Signal it, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self) -> Ended:
        """What ``subprocess.run`` gives, once it has ended."""
        if self._code is None:
            self._code = self._starter.ask(pid=self.pid, flags=0)
        assert self._code is not None
        out, error = self.told(1), self.told(2)
        self._streams.cleanup()
        return subprocess.CompletedProcess([sys.executable, *self._words], self._code, out, error)


def serve(imported: Sequence[str]) -> None:
    """Import, then answer line by line: begin a process, or say how one has ended."""
    import importlib

    for name in imported:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _forked(asked["begin"]) if "begin" in asked else _ended(asked["pid"], asked["flags"])
        print(json.dumps(answer), flush=True)


def _forked(begun: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _begin(**begun)
    return child


def _ended(pid: int, flags: int) -> int | None:
    found, status = os.waitpid(pid, flags)
    return os.waitstatus_to_exitcode(status) if found else None


def _begin(folder: str, environment: dict[str, str], words: list[str], streams: str) -> None:
    """Become ``python`` with these words; never returns."""
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_CREAT), (2, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(f"{streams}/{number}", mode, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.alarm(300)
    kind, program, *arguments = words
    sys.argv, code = [program if kind == "-m" else kind, *arguments], 0
    try:
        if kind == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(program, sys.modules["__main__"].__dict__)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
