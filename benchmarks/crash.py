"""Runs that are killed, stopped, out of room and out of time: every final file the same as if nothing had happened.

Kills: an annealing test and a training run, killed (SIGKILL) at random moments and resumed, again and again, until so
many kills were made; every run that came to its end is compared with one left alone. Then SIGINT and SIGTERM; a disk
that is full (a file system in memory of a few MiB, where this may mount one; else every write from the Nth on fails);
and clocks that jump. Compared is every file but the lock and those that hold wall-clock time: timing.csv, the time of
creation in config.json, and checksums.json, which has the checksums of both. Every run is verified, too.

Usage: python -m benchmarks.crash [FOLDER] [--kills 50] [--seed 0]
(default runs/benchmark-crash, which must be new; exits with 1 where anything differs)
"""

import argparse
import datetime
import errno
import os
import random
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any, Self

from benchmarks.resume import contents
from ifp.run_directory import run as runs
from ifp.run_directory.verify import verify

ANNEAL = (
    *("anneal", "--dataset", "dsprites-32", "--factors", "scale,posX", "--contexts", "3", "--repeats", "2"),
    *("--max-steps", "900"),
)
TRAIN = (
    *("train", "--dataset", "dsprites-32", "--objective", "control-vae", "--steps", "300", "--batch-size", "32"),
    *("--eval-every", "50", "--checkpoint-every", "25", "--threads", "1"),
)
ROOM = {"anneal": (100, 250), "train": (2048, 7168)}  # KiB: for the first large file, and for a later one
LAST = {"anneal": "freezing.csv", "train": "checkpoint.json"}


class Drill:
    """Runs of either kind in a folder, compared with one of its kind that was left alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.differing = folder, 0
        self.whole, self.seconds = {}, {}
        for command in (ANNEAL, TRAIN):
            started = time.perf_counter()
            if self.begin(command, "whole").wait():
                raise SystemExit(f"ifp {command[0]} failed")
            self.seconds[command[0]] = time.perf_counter() - started
            self.whole[command[0]] = contents(folder / f"{command[0]}-whole")

    def begin(self, command: tuple[str, ...], name: str, *wrapped: str) -> subprocess.Popen[str]:
        """A command in a process of its own, or what is left of it where its run is there."""
        out = self.folder / f"{command[0]}-{name}"
        words = (command[0], "--resume") if (out / "config.json").exists() else command
        start = ("-m", "benchmarks.crash", *wrapped) if wrapped else ("-m", "ifp")
        words = (*words, "--out", str(out))
        return subprocess.Popen([sys.executable, *start, *words], stderr=subprocess.PIPE, text=True)

    def done(self, command: tuple[str, ...], name: str) -> bool:
        """Whether a run has its last file."""
        return (self.folder / f"{command[0]}-{name}" / LAST[command[0]]).exists()

    def compare(self, command: tuple[str, ...], name: str) -> str:
        """Files of a run at its end that differ, or none."""
        run = self.folder / f"{command[0]}-{name}"
        one, two = self.whole[command[0]], contents(run)
        wrong = [each for each in sorted({*one, *two}) if one.get(each) != two.get(each)]
        wrong += [f"{each.file} {each.fault}" for each in verify(run).faults]
        self.differing += len(wrong)
        return ", ".join(wrong) or "none"

    def kills(self, count: int, chance: random.Random) -> None:
        """Kill and resume until so many kills were made; every run ends."""
        made, number = {"anneal": 0, "train": 0}, 0
        while sum(made.values()) < count:
            command, number = (ANNEAL, TRAIN)[number % 2], number + 1
            at = []
            while not self.done(command, f"killed-{number}"):
                process = self.begin(command, f"killed-{number}")
                moment = chance.uniform(0, self.seconds[command[0]])
                try:
                    _, told = process.communicate(timeout=moment if sum(made.values()) < count else None)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    made[command[0]] += 1
                    at.append(f"{moment:.1f}")
                else:
                    if process.returncode:
                        raise SystemExit(f"{command[0]} failed: {told}")
            differ = self.compare(command, f"killed-{number}")
            print(f"{command[0]:7s}killed after {', '.join(at) or 'no'} s: files that differ: {differ}", flush=True)
        print(f"{made['anneal']} kills of anneal, {made['train']} of train")

    def signals(self) -> None:
        """SIGINT and SIGTERM, in the middle."""
        for command in (ANNEAL, TRAIN):
            for number in (signal.SIGINT, signal.SIGTERM):
                process = self.begin(command, number.name)
                time.sleep(0.7 * self.seconds[command[0]])
                process.send_signal(number)
                told = process.communicate()[1].strip().splitlines()
                self.begin(command, number.name).wait()
                differ = self.compare(command, number.name)
                print(f"{command[0]:7s}{number.name}: exit {process.returncode}, {told[-1].strip()!r}: {differ}")

    def full_disk(self) -> None:
        """No room: a small file system or, where none can be mounted, writes that fail."""
        for command in (ANNEAL, TRAIN):
            for attempt, room in enumerate(ROOM[command[0]]):
                name = f"full-{room}"
                out = self.folder / f"{command[0]}-{name}"
                out.mkdir()
                options = f"size={room}k"
                mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(out)], capture_output=True)
                small = mounted.returncode == 0
                wrapped = () if small else ("--inside", f"full:{10 + 20 * attempt}", "--")
                process = self.begin(command, name, *wrapped)
                told = process.communicate()[1].strip().splitlines()
                if small:
                    subprocess.run(["mount", "-o", "remount,size=1g", str(out)], check=True)
                self.begin(command, name).wait()
                differ = self.compare(command, name)
                where = f"tmpfs of {options}" if small else f"writes fail from number {10 + 20 * attempt} on"
                print(f"{command[0]:7s}{where}: exit {process.returncode}, {told[-1][:90]!r}...: {differ}", flush=True)
                if small:
                    subprocess.run(["umount", str(out)], check=True)

    def clocks(self) -> None:
        """Clocks that jump by years, back and forth, at every look."""
        for command in (ANNEAL, TRAIN):
            code = self.begin(command, "clock", "--inside", "clock", "--").wait()
            print(f"{command[0]:7s}clock that jumps: exit {code}: {self.compare(command, 'clock')}", flush=True)


def inside(fault: str, words: list[str]) -> None:
    """Run ifp with a fault in place: ``full:N``, no room from the Nth write on, or ``clock``."""
    if fault == "clock":
        chance = random.Random(0)

        class Jumping(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Self:
                return super().now(tz) + datetime.timedelta(days=chance.uniform(-9999, 9999))

        runs.datetime = types.SimpleNamespace(datetime=Jumping, UTC=datetime.UTC)  # type: ignore[assignment]
        time.time = lambda: chance.uniform(0, 4e9)
    else:
        left, sync = int(fault.removeprefix("full:")), os.fsync

        def fsync(fd: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(fd)

        os.fsync = fsync
    sys.argv = ["ifp", *words]
    from ifp.cli import main as command_line

    command_line()


def main() -> None:
    """Kills, signals, disk, clocks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/benchmark-crash"))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inside", help="run ifp, whose words follow --, with this fault in place")
    if "--inside" in sys.argv:
        given = parser.parse_args(sys.argv[1 : sys.argv.index("--")])
        inside(given.inside, sys.argv[sys.argv.index("--") + 1 :])
        return
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    drill = Drill(given.folder)
    print(f"left alone: {', '.join(f'{kind} {seconds:.1f} s' for kind, seconds in drill.seconds.items())}", flush=True)
    drill.kills(given.kills, random.Random(given.seed))
    drill.signals()
    drill.full_disk()
    drill.clocks()
    raise SystemExit(1 if drill.differing else 0)


if __name__ == "__main__":
    main()
