"""Information of mean codes in bins of equal width, the field's plug-in estimate."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score

from analysis.scores.information_table import InformationTable, OtherEdges, surprisals

BINS = 20  # of each latent, by the field's protocol
_SPACINGS = 10  # between the outermost codes, that tell how far the extreme may move
# Under independence 2 n I is chi-squared, of variance f / (2 n^2), where the terms alone would say f / n^2. This is the
# share of that difference that fresh samples ask for: with all of it, modularity of codes that tell of one factor each
# would have half of its deviation for an error, with none of it up to 1.2 times as much.
_INDEPENDENT = 0.5
_OF_A_MAXIMUM = np.pi / np.sqrt(6)  # standard deviation of an extreme value, in spacings


def discretise(codes: NDArray[np.number], bins: int = BINS) -> NDArray[np.int64]:
    """Each column of ``codes`` (samples, latents) in ``bins`` equal-width bins between its own minimum and maximum."""
    exact = codes.astype(np.float64)  # edges rounded to float32 would put a code that lies on one into another bin
    return np.stack([_binned(code, code.min(), code.max(), bins) for code in exact.T], axis=1)


def binned_information(
    codes: NDArray[np.floating], factors: NDArray[np.integer], bins: int = BINS
) -> NDArray[np.float64]:
    """Plug-in information in nats of mean codes (samples, latents) in bins about factors, (latents, factors).

    Of a factor, rows with the class -1 have no label and take no part.
    """
    return np.stack([_informs(code, factors) for code in discretise(codes, bins).T])


def binned_table(codes: NDArray[np.floating], factors: NDArray[np.integer], bins: int = BINS) -> InformationTable:
    """:func:`binned_information` with what its error needs."""
    exact = codes.astype(np.float64)
    edges = [edge for j, code in enumerate(exact.T) for edge in _other_edges(j, code, factors, bins)]
    return plug_in_table(discretise(exact, bins), factors, edges)


def plug_in_table(
    classes: NDArray[np.integer], factors: NDArray[np.integer], edges: Sequence[OtherEdges] = ()
) -> InformationTable:
    """Plug-in information of codes that are classes from 0, (samples, latents), about factors; -1 is no label."""
    surprisal, entropies, known = surprisals(factors)

    def terms(j: int, k: int) -> NDArray[np.float64]:
        """Each row's log of joint share over product of shares."""
        there, found = known[:, k], np.zeros(len(classes))
        latent, factor = classes[there, j], factors[there, k]
        joint = np.zeros((int(latent.max()) + 1, int(factor.max()) + 1))
        np.add.at(joint, (latent, factor), 1 / len(latent))
        found[there] = np.log(joint[latent, factor] / (joint.sum(axis=1)[latent] * joint.sum(axis=0)[factor]))
        return found

    nats = np.stack([_informs(code, factors) for code in classes.T])
    noise = np.zeros_like(nats)
    for j, k in np.ndindex(nats.shape):
        latent, factor = classes[known[:, k], j], factors[known[:, k], k]
        noise[j, k] = -_INDEPENDENT * _freedom(latent, factor) / (2 * len(latent) ** 2)
    return InformationTable(nats, entropies, terms, surprisal, known, noise=noise, edges=edges)


def _freedom(first: NDArray[np.integer], second: NDArray[np.integer]) -> int:
    """Degrees of freedom of two classes (rows,) by the cells that have rows: none where one tells the other.

    Of a table that falls apart into blocks, a degree too few for each block beyond the first.
    """
    cells = len(np.unique(first * (int(second.max()) + 1) + second))
    return max(cells - len(np.unique(first)) - len(np.unique(second)) + 1, 0)


def _binned(code: NDArray[np.float64], low: float, high: float, bins: int) -> NDArray[np.int64]:
    return np.digitize(code, np.linspace(low, high, bins + 1)[:-1])


def _informs(placed: NDArray[np.integer], factors: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.array([plug_in(placed[labels >= 0], labels[labels >= 0]) for labels in factors.T])


def plug_in(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """Information in nats of classes from 0 about others, (rows,) both, as frequent as among the rows."""
    width = int(first.max()) + 1
    joint = np.bincount(second * width + first, minlength=(int(second.max()) + 1) * width).reshape(-1, width)
    joint = joint[:, joint.any(axis=0)]
    return float(mutual_info_score(None, None, contingency=joint))  # from labels, it takes ten times as long


def _other_edges(j: int, code: NDArray[np.float64], factors: NDArray[np.integer], bins: int) -> tuple[OtherEdges, ...]:
    """What latent j would tell, had its smallest or its largest code been a standard deviation away from where it is.

    The spacings between the outermost codes, each times its rank, all have the mean of the extreme's own scale
    (Renyi's representation), and an extreme value has pi / sqrt(6) of that scale as its standard deviation.
    """
    outer = min(_SPACINGS, len(code) - 1)
    ordered, ranks = np.sort(code), np.arange(1, outer + 1)
    down = _OF_A_MAXIMUM * float(np.mean(ranks * np.diff(ordered[: outer + 1])))
    up = _OF_A_MAXIMUM * float(np.mean(ranks * np.diff(ordered[-outer - 1 :])[::-1]))
    low, high = float(ordered[0]), float(ordered[-1])
    found = []
    for below, above in ((down, 0.0), (0.0, up)):
        if not below and not above:  # several codes share the extreme: another sample has it, too
            continue
        wider = _binned(code, low - below, high + above, bins)
        narrower = _binned(code, low + below, high - above, bins) if low + below < high - above else wider
        found.append(OtherEdges(j, _informs(narrower, factors), _informs(wider, factors)))
    return tuple(found)
