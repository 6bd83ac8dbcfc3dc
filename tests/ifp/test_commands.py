"""What the commands refuse, in one line and before any work."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("anneal", "--dataset", "dsprites", "--mode", "foo"), "need a mode out of action, full, got 'foo'"),
        (("anneal", "--dataset", "dsprites", "--mode", "full", "--contexts", "3"), "no --contexts with --mode full"),
        (("anneal", "--dataset", "dsprites", "--steps", "3"), "need no --steps with --mode action"),
        (
            ("anneal", "--dataset", "dsprites", "--network", "optimal", "--protocol", "deft-2022"),
            "need no other protocol with --network optimal, got deft-2022",
        ),
        (("anneal", "--dataset", "dsprites", "--protocol", "deft-1999"), "got 'deft-1999'"),
        (("anneal", "--dataset", "dsprites", "--tolerance", "0.5"), "tolerance above 1, got 2.5 and 0.5"),
        (("plan-stages", "--from", "spectrum"), "--dataset"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(arguments, message, run_ifp, tmp_path):
    ended = run_ifp(tmp_path, *arguments)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_plan_from_the_spectrum_needs_no_run_and_is_alone_on_stdout(run_ifp, tmp_path):
    ended = run_ifp(tmp_path, "plan-stages", "--from", "spectrum", "--dataset", "dsprites-tiny", "--contexts", "60")
    assert ended.returncode == 0, ended.stderr
    plan = json.loads(ended.stdout)
    assert plan["stages"][0]["factors"] == ["posX", "posY"] or plan["stages"][0]["factors"] == ["posY", "posX"]
    pressures = [stage["pressure"] for stage in plan["stages"]]
    assert pressures == sorted(pressures, reverse=True)
    assert plan["stages"][0]["predicted_nats"] == {}  # so far below its freezing point nothing says
    checked = tmp_path / "plan.json"
    checked.write_text(ended.stdout)
    assert run_ifp(tmp_path, "plan-stages", "--check", str(checked)).returncode == 0
