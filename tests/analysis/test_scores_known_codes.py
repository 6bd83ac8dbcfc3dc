"""Every score of codes whose disentanglement is known, on a full lattice of three factors."""

import joblib
import numpy as np
import pytest

from analysis.scores.all_scores import SCORES, VARIANTS, score
from analysis.scores.codes import LabelledCodes
from analysis.scores.dci import dci
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.udr import udr
from annealing.errors import IFPError

SIZES = SampleSizes(train=600, test=300)  # boosting at the study's sizes would take minutes
FOREST = tuple(name for name in VARIANTS if name.startswith("dci-forest"))
QUICK = tuple(name for name in SCORES if not name.startswith("dci")) + FOREST
NEED_TWO_FACTORS = (
    *(name for name in SCORES if name.startswith("dci")),
    "factor_vae",
    "beta_vae",
    "modularity",
    "infom",
)


def lattice(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def quick(codes, factors, **settings):
    """All scores, the trees of a forest in place of boosted ones."""
    return score(codes, factors, **{"sizes": SIZES, "only": QUICK} | settings)


FACTORS = lattice(4, 5, 8)
CODE = (FACTORS - FACTORS.mean(axis=0)) / FACTORS.std(axis=0)
# Each latent has one factor with a weight of 0.9 or more, the others with up to 0.41.
ROTATION = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]

# MIG and SAP compare with the second latent, MIG-sup with the second factor, which tell a little by chance in 600 rows.
# SAP and explicitness are low for a perfect code: a line against the rest finds the two ends of a factor, hardly a
# value between.
IDENTITY = {
    "mig": 0.987, "dci_disentanglement": 1, "dci_completeness": 1, "dci_informativeness": 1, "sap": 0.176,
    "factor_vae": 1, "beta_vae": 1, "modularity": 1, "explicitness": 0.979, "irs": 1, "mig_sup": 0.988, "infom": 1,
    "infoc": 1, "infoe": 1,
}  # fmt: skip
KNOWN = {
    "identity": (CODE, IDENTITY),
    "latents in another order": (CODE[:, [2, 0, 1]], IDENTITY),
    # 0 or chance: accuracies of the most frequent value (1/4, 1/5, 1/8), of the most frequent factor, area 1/2.
    "constant": (
        np.full_like(CODE, 0.7),
        dict.fromkeys(SCORES, 0.0) | {"dci_informativeness": 0.19, "beta_vae": 1 / 3, "explicitness": 0.5},
    ),
    # Only scores that ask for *one* latent per factor see that there are two: gaps vanish, completeness is that of a
    # factor spread over two latents of six, and InfoC's half of a factor is (1/2 - 1/6) / (1 - 1/6) above even.
    "duplicated": (
        np.tile(CODE, 2),
        IDENTITY | {"mig": 0, "sap": 0, "dci_completeness": 1 - np.log(2) / np.log(6), "infoc": 2 / 5},
    ),
    # Silent latents cost modularity only: 3 of 5 latents tell of one factor.
    "dead latents": (np.hstack([CODE, np.zeros((len(CODE), 2))]), IDENTITY | {"modularity": 3 / 5}),
    # What a linear reader sees stays, and a latent still stays most where its main factor does, so that FactorVAE and
    # BetaVAE see nothing. Gaps, importances and robustness fall. SAP, by its lines, even rises. InfoM and InfoC hardly
    # fall: each latent's lesser factors are hidden from 10 neighbours, of which a class of 20 to 40 rows has few.
    "rotated": (
        CODE @ ROTATION,
        IDENTITY | {
            "mig": 0.404, "dci_disentanglement": 0.356, "dci_completeness": 0.357, "sap": 0.238, "modularity": 0.905,
            "irs": 0.629, "mig_sup": 0.385, "infom": 0.964, "infoc": 0.976,
        },
    ),
    # Codes of other images: chance, but for what so few images share by accident; boosting even knows many of the 160
    # by heart, as training and test draw from the same. Modularity, InfoM and InfoC compare chance with chance (most
    # estimates from neighbours are cut off at 0, so that what is left seems to be of one), and IRS, whose means are
    # each group's, may fall a little below 0.
    "codes of other images": (
        np.random.default_rng(0).permutation(CODE),
        {
            "mig": 0.016, "dci_disentanglement": 0.002, "dci_completeness": 0.025, "dci_informativeness": 0.756,
            "sap": 0.017, "factor_vae": 0.41, "beta_vae": 0.437, "modularity": 0.667, "explicitness": 0.594,
            "irs": -0.032, "mig_sup": 0.02, "infom": 0.477, "infoc": 0.66, "infoe": 0.026,
        },
    ),
    # Two of three factors are held. The votes of the third are wrong, its importances are shared by the two latents
    # (1/2 each, as if it were told at all: disentanglement is 1 - H(1/3, 2/3) / ln 3), its accuracy is chance; that
    # neither latent stays tells BetaVAE enough. To InfoC it is as evenly spread as can be: 0 of 1.
    "a factor not held": (
        CODE[:, :2],
        {
            "mig": 2 / 3, "dci_disentanglement": 0.421, "dci_completeness": 2 / 3, "dci_informativeness": 0.704,
            "sap": 0.148, "factor_vae": 2 / 3, "beta_vae": 1, "modularity": 1, "explicitness": 0.839, "irs": 1,
            "mig_sup": 0.989, "infom": 1, "infoc": 2 / 3, "infoe": 2 / 3,
        },
    ),
    # One latent has every vote (1/3) and all of every factor's importance: complete, not disentangled.
    "one latent": (
        CODE[:, :1],
        {
            "mig": 1 / 3, "dci_disentanglement": 0, "dci_completeness": 1, "dci_informativeness": 0.446,
            "sap": 0.092, "factor_vae": 1 / 3, "beta_vae": 0.693, "modularity": 1, "explicitness": 0.677, "irs": 1,
            "mig_sup": 0.989, "infom": 1, "infoc": 1 / 3, "infoe": 1 / 3,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_every_score_of_a_known_code(name):
    codes, expected = KNOWN[name]
    found = score(codes, FACTORS, sizes=SIZES)
    assert tuple(found) == SCORES
    for each in SCORES:
        assert found[each] == pytest.approx(expected[each], abs=0.03), each


def test_a_perfect_code_of_a_factor_of_40_values_is_cut_down_by_20_bins():
    factors = lattice(2, 40)
    found = quick(factors * 1.0, factors, sizes=SampleSizes())
    assert found["mig"] == pytest.approx((1 + np.log(20) / np.log(40)) / 2, abs=0.01)
    assert found["irs"] == pytest.approx(
        (0.5 + 19.5 * (1 - 0.5 / 19.5)) / 20, abs=0.01
    )  # half a step of a pair in a bin
    for name in ("factor_vae", "beta_vae", "modularity", *FOREST):
        assert found[name] == pytest.approx(1, abs=0.01), name


@pytest.mark.parametrize("latents", [1, 2, 5])
def test_any_number_of_latents_has_scores(latents):
    codes = CODE @ np.random.default_rng(latents).normal(size=(3, latents))
    found = quick(codes, FACTORS)
    assert set(found) == set(QUICK)
    assert all(0 <= value <= 1 for value in found.values())


def test_a_constant_factor_changes_no_score():
    with_constant = np.insert(FACTORS, 1, 3, axis=1)
    assert LabelledCodes(CODE, with_constant).protocol == "gdl"
    assert quick(CODE @ ROTATION, with_constant) == quick(CODE @ ROTATION, FACTORS)


def test_the_unit_of_the_codes_matters_only_to_scores_with_a_scale():
    codes = CODE @ ROTATION
    one, other = (quick(unit * codes, FACTORS) for unit in (1.0, 0.25))
    for name in ("mig", "factor_vae", "modularity", "explicitness", "irs", "infom", "infoc", "infoe", *FOREST):
        assert other[name] == pytest.approx(one[name], abs=1e-6), name
    assert quick(0.01 * codes, FACTORS, only=["factor_vae"]) == {"factor_vae": 0}  # deviation below 0.05


def test_codes_of_any_scale_that_single_precision_has_are_scored_others_are_refused():
    codes, scale_free = CODE @ ROTATION, ["mig", "modularity", "irs", "infom", "infoc"]
    one = quick(codes, FACTORS, only=scale_free)
    for unit in (1e-40, 1e37):
        assert quick(unit * codes, FACTORS, only=scale_free) == pytest.approx(one, abs=1e-6)
    for unit in (1e-160, 1e300):
        with pytest.raises(IFPError, match=r"need codes within 3\.4e\+38 that floats can square, .*: scale them"):
            quick(unit * codes, FACTORS, only=["infom"])


def test_sap_moves_with_the_unit_and_the_offset_so_that_exact_factors_are_no_bound():
    factors = np.indices((3, 6, 40, 32, 32)).reshape(5, -1).T
    rows = np.random.default_rng(0).choice(len(factors), 20_000, replace=False)
    exact, factors = factors[rows].astype(float), factors[rows]
    standard = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    numbered, best = (quick(code, factors, only=["sap"], sizes=STUDY)["sap"] for code in (exact, standard))
    assert (numbered, best) == pytest.approx((0.232, 0.247), abs=0.01)
    for held_down in (0.03 * standard, standard + 100):
        assert quick(held_down, factors, only=["sap"])["sap"] < 0.15


def test_a_single_factor_has_only_the_scores_that_tell_no_factors_apart():
    for name in NEED_TWO_FACTORS:
        with pytest.raises(IFPError, match=r"need two or more factors that vary for .*, got 1"):
            score(CODE, FACTORS[:, :1], sizes=SIZES, only=[name])
    rest = [name for name in SCORES if name not in NEED_TWO_FACTORS]
    found = score(CODE, FACTORS[:, :1], sizes=SIZES, only=rest)
    assert list(found) == rest == ["mig", "mig_sup", "sap", "explicitness", "irs", "infoc", "infoe"]
    assert all(0 <= value <= 1 for value in found.values())


def test_a_seed_gives_one_result_whatever_else_is_scored():
    codes = CODE @ ROTATION + 0.3 * np.random.default_rng(0).normal(size=CODE.shape)
    found = quick(codes, FACTORS, seed=3)
    assert {name: quick(codes, FACTORS, seed=3, only=[name])[name] for name in QUICK} == found
    other = quick(codes, FACTORS, seed=4)
    assert all(found[name] != other[name] for name in ("mig", "explicitness", "irs"))


@pytest.mark.parametrize("variant", ["boosting", "forest"])
def test_dci_is_the_same_however_many_factors_are_fitted_side_by_side(variant):
    data, sizes = LabelledCodes(CODE @ ROTATION, FACTORS), SampleSizes(train=200, test=100)
    with joblib.parallel_config("threading"):
        both = [dci(data, seed=1, sizes=sizes, variant=variant, n_jobs=n_jobs) for n_jobs in (1, 2)]
    assert both[0] == both[1]
    assert both[0].name == {"boosting": "dci", "forest": "dci-forest"}[variant]


def test_the_gap_of_posteriors_is_scored_where_their_width_is_known():
    logvar = np.full_like(CODE, -10.0)
    found = score(CODE, FACTORS, logvar=logvar, sizes=SIZES, only=["mig_chen"])
    assert found["mig_chen"] == pytest.approx(0.987, abs=0.01)  # sharp codes: what the bins see
    with pytest.raises(IFPError, match="need the posteriors' logvar for mig_chen"):
        score(CODE, FACTORS, only=["mig_chen"])


def test_names_that_are_no_scores_are_refused():
    with pytest.raises(IFPError, match=r"need scores among mig, .*mig_chen.*, got dci, sam"):
        score(CODE, FACTORS, only=["sam", "mig", "dci"])
    with pytest.raises(IFPError, match="need one of the variants boosting, forest, got 'hist'"):
        dci(LabelledCodes(CODE, FACTORS), variant="hist")


@pytest.mark.parametrize("similarity", ["spearman", "lasso"])
def test_models_equal_up_to_order_and_sign_agree_and_a_rotated_one_less(similarity):
    models = [CODE, -CODE[:, [2, 0, 1]], CODE * [1.0, -3.0, 0.2], CODE @ ROTATION]
    found = udr(models, similarity=similarity)
    assert found[:3] == pytest.approx(1.0 if similarity == "spearman" else 0.9, abs=1e-6)  # penalty 0.1
    assert found[3] < 0.8


def test_silent_latents_take_part_in_the_ranking_unless_their_kl_is_known():
    noise = [1e-3 * np.random.default_rng(seed).normal(size=(len(CODE), 2)) for seed in range(3)]
    models = [np.hstack([CODE, each]) for each in noise]
    kl = [np.array([2.0, 1.0, 0.5, 0.01, 0.0])] * 3
    assert udr(models, kl=kl) == pytest.approx(1, abs=1e-6)
    assert (udr(models) < 0.8).all()
    assert udr([CODE, np.full_like(CODE, 0.3)]) == pytest.approx([0, 0])  # nothing to agree on


@pytest.mark.parametrize(
    ("models", "settings", "said"),
    [
        ([CODE], {}, "two or more models"),
        ([CODE, CODE[1:]], {}, "of the same images"),
        ([CODE, CODE[:, 0]], {}, "of the same images"),
        ([CODE, np.full_like(CODE, np.nan)], {}, "need finite codes"),
        ([CODE, CODE], {"kl": [np.ones(3)]}, "one KL per latent"),
        ([CODE, CODE], {"kl": [np.ones(3), np.full(3, np.nan)]}, "need finite KLs"),
        ([CODE, CODE], {"similarity": "pearson"}, "spearman or lasso, got 'pearson'"),
    ],
)
def test_models_that_cannot_be_ranked_are_refused(models, settings, said):
    with pytest.raises(IFPError, match=said):
        udr(models, **settings)
