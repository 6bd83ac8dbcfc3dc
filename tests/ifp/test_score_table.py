"""What score prints of one model: a row per score, with what stands beside it."""

import numpy as np

import ifp
from analysis.scores.scores import Scores
from ifp.cli.score_table import score_rows, show_scores


def test_a_score_s_row_has_what_is_known_beside_it():
    found = Scores(
        {"mig": 0.5, "sap": 0.25},
        record={
            "intervals": {"mig": [0.45, 0.5512345]},
            "exact": {"mig": 0.9, "sap": 0.5},
            "seen": {"mig": 0.4},
            "spreads": {"sap": [0.25, 0.2, 0.3, 0.22, 0.21]},
        },
    )
    assert score_rows(found) == [
        {
            "score": "mig", "value": 0.5, "interval": "0.45..0.5512", "exact": 0.9, "seen": 0.4,
            "5 sample seeds": None,
        },
        {
            "score": "sap", "value": 0.25, "interval": None, "exact": 0.5, "seen": None,
            "5 sample seeds": "0.2..0.3",
        },
    ]  # fmt: skip
    assert score_rows(Scores(mig=0.5)) == [{"score": "mig", "value": 0.5}]


def test_the_title_says_of_what_the_interval_is(capsys):
    record = {"protocol": "gdl", "scikit-learn": "1.9", "samples": {"train": 10000}, "mig": 0.5}
    show_scores(Scores(mig=0.5, record=record))
    assert "protocol gdl, scikit-learn 1.9\n" in capsys.readouterr().err
    show_scores(Scores(mig=0.5, record={**record, "intervals": {"mig": [0.4, 0.6]}}))
    told = " ".join(capsys.readouterr().err.split())
    assert "protocol gdl, scikit-learn 1.9; interval: 95%, of the expectation at 10,000 samples" in told
    assert "0.4..0.6" in told


def test_of_rows_of_ones_own_the_title_says_that_fewer_may_be_counted(capsys):
    factors = np.stack([np.arange(300) % 3, np.arange(300) // 7 % 4], axis=1)
    show_scores(ifp.score(factors * 1.0, factors, only=["mig"], ceilings=False))
    assert "protocol rows" in (told := " ".join(capsys.readouterr().err.split()))
    assert "of the expectation at up to 10,000 samples" in told
