"""--config: the same settings as flags, the same config.json; flags win; what does not fit is told in one line."""

import json

import pytest

from ifp.cli.stopping import Stopped

pytestmark = pytest.mark.usefixtures("_few_results")

TRAIN = (
    "--objective", "beta-vae", "--network", "dense", "--latents", "2", "--steps", "3", "--batch-size", "4",
    "--eval-every", "3",
)  # fmt: skip


def config(path):
    found = json.loads((path / "config.json").read_text())
    del found["created"]
    return json.dumps(found)


@pytest.mark.parametrize(
    ("command", "toml", "flags"),
    [
        (
            "train",
            'objective = "beta-vae"\nnetwork = "dense"\nlatents = 2\nsteps = 3\nbatch_size = 4\neval-every = 3\n'
            "learning-rate = 1e-3\nthreads = 1\nseed = 7\n[set]\nbeta = 2.5\n",
            (*TRAIN, "--learning-rate", "1e-3", "--threads", "1", "--seed", "7", "--set", "beta=2.5"),
        ),
        (
            "anneal",
            'factors = ["brightness"]\nspan = [0.5, 2]\ncontexts = 1\ntolerance = 3\nmax_steps = 600\nrepeats = 1\n',
            ("--factors", "brightness", "--span", "0.5:2", "--contexts", "1", "--tolerance", "3", "--max-steps", "600",
             "--repeats", "1"),
        ),
        (
            "compare",
            'objectives = ["beta-vae", "dip-vae-i"]\nseeds = 1\nsteps = 3\nbatch-size = 4\nnetwork = "dense"\n'
            'scores = "mig"\nlatents = 2\neval-every = 3\n[set.beta-vae]\nbeta = 2\n',
            ("--objectives", "beta-vae,dip-vae-i", "--seeds", "1", "--steps", "3", "--batch-size", "4", "--network",
             "dense", "--scores", "mig", "--latents", "2", "--eval-every", "3", "--set", "beta-vae.beta=2"),
        ),
    ],
)  # fmt: skip
def test_a_file_makes_the_same_run_as_flags(command, toml, flags, told, bars_file, tmp_path):
    (tmp_path / "run.toml").write_text(f'dataset = "{bars_file}"\n{toml}')
    assert told(command, "--config", "run.toml", "--out", "file")[0] == 0
    assert told(command, "--dataset", bars_file, *flags, "--out", "flags")[0] == 0
    assert config(tmp_path / "file") == config(tmp_path / "flags")


def test_flags_win_over_the_file_and_settings_join(told, bars_file, tmp_path):
    (tmp_path / "run.toml").write_text(
        f'dataset = "{bars_file}"\nobjective = "factor-vae"\nsteps = 9\nout = "elsewhere"\n[set]\ngamma = 3\n'
    )
    (name,) = {"gamma"}
    own = ("--network", "dense", "--latents", "2", "--batch-size", "4", "--eval-every", "3", "--out", "run")
    assert told("train", "--steps", "3", "--config", "run.toml", *own)[0] == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["steps"], settings["parameters"][name]) == (3, 3.0)
    assert told("train", "--set", "gamma=5", "--config", "run.toml", *own, "--overwrite")[0] == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["steps"], settings["parameters"][name]) == (9, 5.0)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("command", ["spectrum", "plan-stages"])
def test_commands_without_a_run_take_a_file_too(command, told, bars_file, tmp_path):
    source = {"spectrum": "json = true", "plan-stages": 'from = "spectrum"'}[command]
    (tmp_path / "run.toml").write_text(f'{source}\ndataset = "{bars_file}"\ncontexts = 3\nfactors = ["position"]')
    code, _, out = told(command, "--config", "run.toml")
    assert code == 0
    flags = {"spectrum": ("--json",), "plan-stages": ("--from", "spectrum")}[command]
    assert told(command, *flags, "--dataset", bars_file, "--contexts", "3", "--factors", "position")[2] == out


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("contets = 3", r"got 'contets' (did you mean contexts?)"),
        ("run = 'x'", "need options of ifp anneal in run.toml, got 'run'"),
        ("config = 'x'", "got 'config'"),
        ("contexts = '3'", "need a whole number for contexts in run.toml, got '3'"),
        ("contexts = 3.0", "need a whole number for contexts in run.toml, got 3.0"),
        ("contexts = true", "need a whole number for contexts in run.toml, got True"),
        ("tolerance = 'x'", "need a number for tolerance in run.toml, got 'x'"),
        ("resume = 1", "need true or false for resume in run.toml, got 1"),
        ("factors = 3", "need a text or a list for factors in run.toml, got 3"),
        ("factors = [true]", "need a number or a text in factors in run.toml, got True"),
        ("correlate = [1]", "need a text for correlate in run.toml, got 1"),
        ("out = 3", "need a path in quotes for out in run.toml, got 3"),
        ("mode = ['full']", "need a text for mode in run.toml, got ['full']"),
        ("contexts = ", "need a TOML file for --config, run.toml is not one: Invalid value"),
        ("contexts = 1\ncontexts = 2", "need a TOML file for --config, run.toml is not one: Cannot overwrite"),
        (b"\xff", "need a TOML file for --config, run.toml is not one"),
        ("a = " + "[" * 100_000, "need a TOML file for --config, run.toml is not one"),
        ("#" * 2**20 + "#", "need a TOML file of at most 1,048,576 bytes for --config, run.toml is larger"),
        (None, "need a TOML file for --config, there is no file run.toml"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(toml, line, told, tmp_path):
    if toml is not None:
        (tmp_path / "run.toml").write_bytes(toml if isinstance(toml, bytes) else toml.encode())
    before = sorted(tmp_path.iterdir())
    code, err, out = told("anneal", "--dataset", "dsprites-tiny", "--config", "run.toml")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("ifp: need ")
    assert line in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("set = 3", "need a table [set] for set in run.toml, got 3"),
        ("[set]\nbeta = true", "need a number or a text in set in run.toml, got True"),
        ("[set]\nbeta = [4]", "need a number or a text in set in run.toml, got [4]"),
        ("[set]\nbata = 4", "need settings of beta-vae out of beta, got 'bata' (did you mean beta?)"),
    ],
)
def test_settings_that_do_not_fit_are_told_in_one_line(toml, line, told, tmp_path, bars_file):
    (tmp_path / "run.toml").write_text(toml)
    code, err, _ = told("train", "--dataset", bars_file, "--objective", "beta-vae", "--config", "run.toml")
    assert (code, len(err.splitlines())) == (1, 1)
    assert line in err


def test_a_value_out_of_range_is_a_usage_error_as_on_the_command_line(told, tmp_path):
    (tmp_path / "run.toml").write_text("contexts = 0")
    by_file = told("anneal", "--config", "run.toml")
    assert by_file == told("anneal", "--contexts", "0")
    assert by_file[0] == 2


def test_a_run_begun_with_a_file_goes_on_with_it(told, bars_file, tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text(f'dataset = "{bars_file}"\nseed = 3\n')
    begun = ("train", "--config", "run.toml", *TRAIN, "--checkpoint-every", "1", "--out", "run")
    with monkeypatch.context() as stopped:
        stopped.setattr("ifp.training.run.write_checkpoint", lambda *_: (_ for _ in ()).throw(Stopped(2)))
        code, err, _ = told(*begun)
    assert (code, "Go on with:\n  ifp train --resume --out run\n" in err) == (130, True)
    assert told("train", "--resume", "--out", "run", "--config", "run.toml")[0] == 0
    (tmp_path / "run.toml").write_text(f'dataset = "{bars_file}"\nseed = 4\n')
    assert "seed is 3 there and 4 here" in told(*begun, "--resume")[1]
