"""What a pipe is told of long work: sparse plain lines, by a clock of the test's own."""

from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from ifp.cli import app
from ifp.cli.progress import PlainLines, announce, show_progress
from ifp.datasets.download import Received
from ifp.machine.progress import Progress


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self):
        return self.now


def lines_of(steps, total=100):
    """The lines of steps that are done at given seconds: (seconds, done) each."""
    clock = Clock()
    lines, told = PlainLines("work", clock), []
    for clock.now, done in steps:
        line = lines.line(Progress(done, total, "part"))
        told += [(clock.now, line)] if line else []
    return told


def test_work_of_less_than_ten_seconds_has_no_line():
    assert lines_of([(0.09 * done, done) for done in range(101)]) == []


def test_work_of_minutes_has_a_line_a_tenth_with_the_time_left():
    told = lines_of([(6.0 * done, done) for done in range(101)])
    assert told == [
        (60.0 * tenth, f"work: part, {10 * tenth}%" + (f", ETA 0:{10 - tenth:02d}:00" if tenth < 10 else ""))
        for tenth in range(1, 11)
    ]


def test_fast_tenths_are_ten_seconds_apart():
    told = [seconds for seconds, _ in lines_of([(0.3 * done, done) for done in range(101)])]
    assert all(after - before >= 10 for before, after in zip([0, *told], told, strict=False))
    assert len(told) == 2


def test_slow_work_has_a_line_every_ten_minutes():
    told = lines_of([(60.0 * done, done) for done in range(61)], total=10_000)
    assert [seconds for seconds, _ in told] == [600, 1200, 1800, 2400, 3000, 3600]
    assert told[0][1] == "work: part, 0%, ETA 6 days, 22:30:00"


def test_what_goes_on_counts_its_time_left_from_where_it_began():
    told = lines_of([(0.0, 50), *((3.0 * done, 50 + done) for done in range(1, 51))])
    assert told[0] == (30.0, "work: part, 60%, ETA 0:02:00")


def test_a_share_that_is_not_known_has_no_time_left():
    assert lines_of([(0.0, 0), (700.0, 0)], total=0) == [(700.0, "work: part, 0%")]


def test_every_step_is_passed_on_and_the_start_says_what_is_written(capsys):
    steps = [Progress(done, 3, "part") for done in range(4)]
    assert list(show_progress(iter(steps), "work")) == steps
    announce("bars: drawn", "runs/x/", ("a.csv", "b.npz"))
    announce("bars: drawn", "codes.npz")
    assert capsys.readouterr().err == "bars: drawn; writing runs/x/: a.csv, b.npz\nbars: drawn; writing codes.npz\n"


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (("spectrum", "--dataset", "BARS", "--contexts", "2"), "BARS; writing tables to stderr, no file"),
        (
            ("plan-stages", "--from", "spectrum", "--dataset", "BARS", "--contexts", "2"),
            "BARS; writing a plan to stdout",
        ),
        (
            (
                *("train", "--dataset", "BARS", "--objective", "beta-vae", "--network", "conv-8", "--latents", "2"),
                *("--steps", "2", "--threads", "1", "--out=r"),
            ),
            "BARS; writing r/: config.json, trace.npz, checkpoint.safetensors",
        ),
        (("score", "r", "--only", "mig"), "r: 32 images; writing scores.json and posteriors.npz in the run"),
        (("encode", "r"), "r: every image; writing codes.npz"),
    ],
)  # fmt: skip
def test_commands_say_first_what_they_write_and_where(arguments, start, run_ifp, bars_file, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    ended = run_ifp(folder, *(str(bars_file) if each == "BARS" else each for each in arguments))
    assert ended.returncode == 0, ended.stderr
    told = [line for line in ended.stderr.splitlines() if "reading 32 images once" not in line]
    assert told[0].endswith(start.replace("BARS", f"file {bars_file}"))
    assert "\x1b" not in ended.stderr


def test_a_download_says_first_which_files_go_where_and_has_plain_lines(monkeypatch, tmp_path):
    def fetched(name, family, data_dir, report):
        report(Received("3dshapes.h5", 0, 10_000_000))
        report(Received("3dshapes.h5", 5_000_000, 10_000_000))
        yield from ()

    monkeypatch.setattr("ifp.api.data.fetch_files", fetched)
    monkeypatch.setattr("ifp.cli.progress._OFTEN", 0.0)
    ended = CliRunner().invoke(app, ["data", "fetch", "shapes3d", "--data-dir", str(tmp_path)])
    first, second = ended.stderr.splitlines()
    assert first.endswith(f"; writing {tmp_path}/: 3dshapes.h5")
    assert second == "3dshapes.h5: 5.0 MB, 50%, ETA 0:00:00"
