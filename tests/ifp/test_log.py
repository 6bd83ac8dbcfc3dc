"""Logs of other programs: names, rows in part, resumes, TensorBoard's events; each against the plain table it is of."""

import struct
import sys

import numpy as np
import pandas as pd
import pytest

import ifp
from ifp.files.event_files import read_scalars
from ifp.files.log import find_columns

STEP = np.arange(160)
BETA = np.concatenate([np.geomspace(100, 1, 80), np.geomspace(1, 100, 80)])
KL = np.maximum(2 * np.log([50.0, 10.0] / BETA[:, None]), 0)
PLAIN = pd.DataFrame({"step": STEP, "beta": BETA, "kl_0": KL[:, 0], "kl_1": KL[:, 1]})
WANTED = ifp.freezing_points(PLAIN)


def assert_as_plain(found, *, records=STEP):
    np.testing.assert_array_equal(found.step, records)
    np.testing.assert_allclose(found.beta, BETA[records], rtol=1e-6)
    np.testing.assert_allclose(found.kl, KL[records], rtol=1e-6, atol=1e-6)
    if len(records) == len(STEP):
        np.testing.assert_allclose(found.to_frame()["ifp"], WANTED.to_frame()["ifp"], rtol=1e-4)


# names


@pytest.mark.parametrize(
    "names",
    [
        ("step", "beta", "kl_00", "kl_01"),
        ("Step", "Beta", "KL 0", "KL 1"),
        ("global_step", "train/beta", "train/kl_0", "train/kl_1"),
        ("trainer/global_step", "schedule/Pressure", "model/KL/0", "model/KL/1"),
        ("_step", "beta", "kl.0", "kl-1"),
    ],
    ids=lambda names: names[2],
)
def test_names_as_loggers_spell_them(names, tmp_path):
    frame = PLAIN.set_axis(list(names), axis=1).assign(loss=1.0)
    frame.to_csv(tmp_path / "log.csv", index=False)
    for form in (frame, tmp_path / "log.csv", {name: frame[name].to_numpy() for name in frame}):
        found = ifp.freezing_points(form)
        assert_as_plain(found)
        assert found.notes == ()


def test_names_without_a_prefix_go_first_and_the_kls_own_prefix_next():
    names = ["step", "val/beta", "train/beta", "val/kl_0", "train/step", "kl_0"]
    with pytest.raises(ifp.DataError, match=r"need beta once in a log, got it under 'val/', 'train/': keep"):
        find_columns(names, "a log")
    assert find_columns([*names, "beta"], "a log").kl == ("kl_0",)
    found = find_columns(["step", "val/beta", "train/beta", "train/kl_0"], "a log")
    assert (found.step, found.beta) == ("step", "train/beta")


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["step", "beta", "val/kl_0", "train/kl_0"], "need KL once .* got it under 'val/', 'train/': keep"),
        (["step", "beta", "KL 0", "kl_0"], "got 'KL 0' and 'kl_0' for latent 0: keep one of them"),
        (["step", "beta", "Beta", "kl_0"], "got 'beta' and 'Beta' for beta: keep one of them"),
        (["step", "beta", "kl_1", "kl_2"], "need columns kl_0 to kl_1, .* number the latents from 0"),
        (["step", "loss/kl", "kl_0"], "need columns step, beta and kl_0, kl_1, .* rename them"),
        (["epoch", "beta", "kl_0"], "need columns step, beta"),
    ],
    ids=range(6),
)  # fmt: skip
def test_names_that_are_missing_or_mean_two_things_are_refused(names, line):
    with pytest.raises(ifp.DataError, match=line):
        ifp.freezing_points(pd.DataFrame({name: [0.0, 1.0] for name in names}))


def test_a_log_of_another_name_is_told_how_it_would_have_to_end(tmp_path):
    PLAIN.to_csv(tmp_path / "log.txt", index=False)
    with pytest.raises(ifp.RunError, match=r"log\.txt: it is a file, .* logs whose names end in \.csv"):
        ifp.freezing_points(tmp_path / "log.txt")


# rows in part


def test_beta_and_kl_in_different_rows_of_a_step_are_one_record(tmp_path):
    """As a logger writes them that appends a row per call."""
    parts = pd.concat([PLAIN[["step", "beta"]], PLAIN[["step", "kl_0", "kl_1"]].assign(epoch=1)])
    parts.sort_values("step", kind="stable").to_csv(tmp_path / "metrics.csv", index=False)
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 321
    assert_as_plain(ifp.freezing_points(tmp_path / "metrics.csv"))
    assert_as_plain(ifp.freezing_points(parts))  # one table below the other


def test_steps_without_kl_or_without_beta_are_left_out_and_counted():
    partial = PLAIN.copy()
    partial.loc[STEP % 4 != 0, ["kl_0", "kl_1"]] = np.nan
    partial.loc[8, "beta"] = np.nan
    found = ifp.freezing_points(partial)
    assert_as_plain(found, records=np.delete(STEP[::4], 2))
    assert found.notes == ("steps without beta or without the KL of a latent left out: 121 of 160",)
    with pytest.raises(ifp.DataError, match=r"need beta and KL of every latent at the same steps .* log them together"):
        ifp.freezing_points(PLAIN.assign(beta=np.where(STEP % 2, BETA, np.nan), kl_0=np.where(STEP % 2, np.nan, 1.0)))


def test_a_latent_without_kl_up_to_the_end_diverged():
    lost = PLAIN.assign(kl_1=np.where(STEP < 100, KL[:, 1], np.nan))
    found = ifp.freezing_points(lost)
    assert [each.status for each in found.points] == ["ok", "diverged"]
    assert found.notes == ("KL missing up to the end, read as diverged: z1",)
    assert len(found.step) == 160
    holed = lost.assign(kl_1=np.where(STEP % 2, lost["kl_1"], np.nan))  # gaps of one record, and that of the end
    assert [each.status for each in ifp.freezing_points(holed).points] == ["ok", "diverged"]


# resumes


def test_of_steps_that_come_again_the_later_rows_count():
    lost = PLAIN.iloc[60:101].assign(kl_0=7.0, kl_1=7.0)  # what was done before the program fell and began again at 60
    found = ifp.freezing_points(pd.concat([PLAIN.iloc[:60], lost, PLAIN.iloc[60:]]))
    assert_as_plain(found)
    assert found.notes == ("rows left out of steps that come again further on, as after a resume: 41",)
    other = lost.assign(step=lost["step"] + 0.5)  # whatever steps it had logged at
    assert_as_plain(ifp.freezing_points(pd.concat([PLAIN.iloc[:60], other, PLAIN.iloc[60:]])))


def test_steps_that_are_not_sorted_or_begin_anew_in_every_epoch_are_refused():
    for turned in (PLAIN[::-1], PLAIN.sample(frac=1, random_state=0), PLAIN.assign(step=STEP % 20)):
        with pytest.raises(
            ifp.DataError, match=r"need steps that rise .* but for a resume, .* count steps through all"
        ):
            ifp.freezing_points(turned)
    with pytest.raises(ifp.DataError, match="need a step in every row"):
        ifp.freezing_points(PLAIN.assign(step=np.where(STEP == 3, np.nan, STEP)))


# TensorBoard's events


def tensorboard_writer(folder, **more):
    return pytest.importorskip("torch.utils.tensorboard").SummaryWriter(str(folder), **more)


def write_events(folder, frame, **more):
    with tensorboard_writer(folder, **more) as writer:
        for row in frame.to_dict("records"):
            for name in ("beta", "kl_0", "kl_1"):
                writer.add_scalar(f"train/{name}", row[name], int(row["step"]))
            writer.add_scalar("loss", 1.0, int(row["step"]))


def test_events_are_read_as_tensorboard_reads_them(tmp_path, monkeypatch):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    write_events(tmp_path, PLAIN)
    (file,) = tmp_path.iterdir()
    theirs = accumulator.EventAccumulator(str(tmp_path))
    theirs.Reload()
    own = read_scalars(tmp_path, lambda tag: True)
    assert set(own) == set(theirs.Tags()["scalars"])
    for tag, (steps, values) in own.items():
        assert [(each.step, each.value) for each in theirs.Scalars(tag)] == list(zip(steps, values, strict=True))
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # it takes no package
    for path in (tmp_path, file):
        assert_as_plain(ifp.freezing_points(path))
        assert len(ifp.diagnose(str(path)).points) == 2


def test_a_config_of_somebody_beside_events_makes_no_run_of_ours_of_them(tmp_path):
    write_events(tmp_path, PLAIN)
    (tmp_path / "config.json").write_text('{"learning_rate": 0.001}')
    assert_as_plain(ifp.freezing_points(tmp_path))


def test_the_scalars_that_are_there_are_told_where_beta_or_kl_is_missing(tmp_path):
    with tensorboard_writer(tmp_path) as writer:
        for name in ("train/kl_loss", "train/beta", "loss"):
            writer.add_scalar(name, 1.0, 1)
    line = r"need columns step, beta and kl_0.* got 'train/kl_loss', 'train/beta', 'loss': rename them"
    with pytest.raises(ifp.DataError, match=line):
        ifp.freezing_points(tmp_path)


def test_events_of_a_resume_in_a_second_file_count(tmp_path):
    write_events(tmp_path, PLAIN.iloc[:100].assign(kl_0=lambda rows: rows["kl_0"].where(rows["step"] < 60, 7.0)))
    (first,) = tmp_path.iterdir()
    first.rename(tmp_path / "events.out.tfevents.1.host.1")
    write_events(tmp_path, PLAIN.iloc[60:], purge_step=60)
    found = ifp.freezing_points(tmp_path)
    assert_as_plain(found)
    assert found.notes == ("rows left out of steps that come again further on, as after a resume: 40",)


def test_the_events_of_a_run_of_ours_are_its_records(bars, tmp_path):
    pytest.importorskip("tensorboard")
    run = ifp.train(
        bars, objective="annealed-beta", latents=2, steps=12, eval_every=3, threads=1, network="dense",
        tensorboard=True, out=tmp_path / "run",
    )  # fmt: skip
    events, own = ifp.freezing_points(run.path / "tensorboard"), ifp.freezing_points(run)
    np.testing.assert_allclose(events.beta, own.beta[1:], rtol=1e-6)
    np.testing.assert_allclose(events.kl, own.kl[1:], rtol=1e-5)


def framed(*records):
    """A TFRecord file; its checksums bit by bit, from the definition of CRC-32C."""

    def check(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
        crc ^= 0xFFFFFFFF
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    lengths = [struct.pack("<Q", len(record)) for record in records]
    return b"".join(
        length + check(length) + record + check(record) for length, record in zip(lengths, records, strict=True)
    )


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def event(step, value):
    return bytes([2 << 3, step]) + field(5, field(1, value))


def test_scalars_that_are_tensors_are_read_and_nothing_else(tmp_path):
    """As tf.summary writes them."""
    content = {
        "float": b"\x08\x01" + field(4, struct.pack("<f", 1.5)),
        "packed": b"\x08\x01" + field(5, struct.pack("<f", 2.5)),
        "double": b"\x08\x02" + field(6, struct.pack("<d", 3.5)),
        "text": b"\x08\x07" + field(8, b"words"),
        "two": b"\x08\x01" + field(5, struct.pack("<ff", 1, 2)),
    }
    records = [event(7, field(1, tag.encode()) + field(8, tensor)) for tag, tensor in content.items()]
    (tmp_path / "a.tfevents.1").write_bytes(framed(field(3, b"brain.Event:2"), *records))
    found = read_scalars(tmp_path, lambda tag: True)
    assert {tag: (steps.tolist(), values.tolist()) for tag, (steps, values) in found.items()} == {
        "float": ([7], [1.5]), "packed": ([7], [2.5]), "double": ([7], [3.5])
    }  # fmt: skip


def test_half_a_record_at_the_end_is_none_and_damage_is_told(tmp_path):
    path = tmp_path / "a.tfevents.1"
    records = [event(step, field(1, b"beta") + b"\x15" + struct.pack("<f", step)) for step in range(9)]
    whole = framed(*records)
    path.write_bytes(whole[:-3])
    assert read_scalars(path, lambda tag: True)["beta"][0].tolist() == list(range(8))
    for place in (0, 9, 20, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ifp.DataError, match=r"a\.tfevents\.1 is damaged or none: wrong checksum"):
            ifp.freezing_points(path)
    path.write_bytes(b"")
    with pytest.raises(ifp.DataError, match="no record in it"):
        ifp.freezing_points(path)
    path.write_bytes(framed(*records))
    with pytest.raises(ifp.DataError, match="need columns step, beta and kl_0, kl_1"):
        ifp.freezing_points(path)


def test_any_bytes_under_right_checksums_are_read_or_refused(tmp_path):
    stream = np.random.default_rng(0)
    valid = event(3, field(1, b"kl_0") + b"\x15" + struct.pack("<f", 2.0))
    for _ in range(300):
        record = bytearray(valid)
        for place in stream.integers(0, len(record), stream.integers(1, 4)):
            record[place] = stream.integers(0, 256)
        (tmp_path / "a.tfevents.1").write_bytes(framed(bytes(record)))
        with pytest.raises(ifp.IFPError) as told:
            ifp.freezing_points(tmp_path)
        assert "\n" not in str(told.value)


# plans


def test_a_plan_of_a_log_calls_latents_by_their_number_or_as_they_were_named():
    plan = ifp.plan_stages(PLAIN)
    assert [stage.factors for stage in plan.stages] == [("z0",), ("z1",)]
    assert plan.warnings[0].startswith("planned from a log of no data set that is known here")
    named = ifp.plan_stages(WANTED.named({0: "scale"}), dataset="dsprites-tiny", likelihood="gaussian")
    assert [stage.factors for stage in named.stages] == [("scale (z0)",), ("z1",)]
    data = ifp.load_dataset("dsprites-tiny")
    assert (named.dataset, named.fingerprint, named.image_shape) == (data.name, data.fingerprint, data.image_shape)
    assert (named.likelihood, named.warnings) == ("gaussian", [])
    assert [stage.pressure for stage in named.stages] == [stage.pressure for stage in plan.stages]
    assert f"scale (z0) {WANTED.points[0].ifp:.4g} nats" in named.stages[0].evidence[0]
    cooled = ifp.plan_stages(ifp.freezing_points(PLAIN.iloc[:80]))
    assert "lower bounds: never heated" in cooled.stages[0].evidence[0]


@pytest.mark.parametrize(
    ("names", "line"),
    [({2: "scale"}, "need latents out of 0..1 to name, got 2"), ({0: "a\nb"}, "need a name of one line for latent 0")],
    ids=["latent", "name"],
)
def test_names_of_latents_that_are_none_are_refused(names, line):
    with pytest.raises(ifp.IFPError, match=line):
        WANTED.named(names)


def test_the_commands_read_a_log_as_python_does(told, bars_file, tmp_path):
    cycles = pd.concat([PLAIN, PLAIN.assign(step=STEP + 160)])
    cycles.to_csv(tmp_path / "log.csv", index=False)
    code, error, _ = told("diagnose", tmp_path / "log.csv", "--tables")
    assert code == 0
    assert "every branch by itself" in error
    assert error.count("falls") == error.count("rises") == 2
    code, _, out = told("plan-stages", tmp_path / "log.csv", "--dataset", bars_file)
    assert code == 0
    assert ifp.StagePlan.from_json(out) == ifp.plan_stages(cycles, dataset=str(bars_file))
    code, error, _ = told("plan-stages", tmp_path / "log.csv", "--contexts", "3")
    assert (code, error.count("\n")) == (1, 1)
    assert "need --from spectrum with --contexts" in error
