"""A stack of dense networks on rows of any data, under any likelihood of theirs."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from annealing.errors import IFPError
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.networks import StackedDenseVAE
from annealing.rows import Rows
from annealing.stack import Case, DenseStack

_FARTHEST = 20.0  # of a silent output that would be infinite: a log-rate, or a logit, of e^-20


class RowStack(DenseStack):
    """Dense networks of rows (n, D), all cases of one shape.

    An encoder sees the scores of its rows at silence, each of variance 1: of values and exposure they are what a code
    needs where it starts. A decoder draws all parameters of all features, and starts as the silent one.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        hidden: int,
        latents: int,
        likelihood: RowLikelihood,
        streams: Sequence[Generator],
        device: str,
    ) -> None:
        if likelihood.learned:
            raise IFPError(
                f"need a likelihood without what is learned beside the decoder, {likelihood.name} has "
                f"{', '.join(likelihood.learned)}"
            )
        values = torch.stack([case.images for case in cases])
        if values.dim() != 3:
            raise IFPError(f"need rows (n, D), got cases of shape {tuple(cases[0].images.shape)}")
        silences = [likelihood.silence(_rows(case)) for case in cases]
        scores = torch.stack(
            [torch.from_numpy(_whitened(silence.scores.times(np.eye(silence.scores.shape[1])))) for silence in silences]
        )
        silent = np.stack([silence.outputs.reshape(-1) for silence in silences])
        silent = np.nan_to_num(silent, nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST)
        exposure = torch.ones(values.shape[:2]) if cases[0].exposure is None else _exposures(cases)
        self._exposed = cases[0].exposure is not None
        self._row_likelihood, self._features = likelihood, values.shape[2]
        self._rows, self._target = scores.float().to(device), values.to(device)
        self._weight = exposure[:, :, None].to(device)  # sliced with the other two when cases are done
        columns = [scores.shape[2]] * len(cases)
        output = torch.from_numpy(silent).float()
        self._networks = StackedDenseVAE(columns, hidden, latents, output, streams).to(device)

    def reconstruction(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """See :class:`annealing.stack.Stack`; constants included."""
        outputs = self._networks.decode(nodes).unflatten(2, (1, -1, self._features))  # cases nodes 1 parameters D
        exposure = self._weight[:, None] if self._exposed else None
        nats = self._row_likelihood.nats(outputs, self._target[:, None], exposure)  # cases nodes rows
        return (weights * nats).sum(dim=(1, 2)) / weights.shape[-1]


def _rows(case: Case) -> Rows:
    return Rows(case.images.double().numpy(), None if case.exposure is None else case.exposure.double().numpy())


def _exposures(cases: Sequence[Case]) -> Tensor:
    given = [case.exposure for case in cases if case.exposure is not None]
    if len(given) < len(cases):
        raise IFPError(f"need an exposure of every case or of none, got {len(given)} of {len(cases)}")
    return torch.stack(given)


def _whitened(scores: np.ndarray) -> np.ndarray:
    """Scores (n, outputs), each column of variance 1; 0 where it never varies."""
    deviation = scores.std(axis=0)
    return np.divide(scores - scores.mean(axis=0), deviation, out=np.zeros_like(scores), where=deviation > 0)
