"""Freezing points of shuffled data against that data's own closed form.

The course of each pixel along an action sequence is shuffled on its own: the mean image stays, the correlations
go, and with them most of the spectral value. Usage: python -m benchmarks.shuffled_pixels [CONTEXTS]
"""

import sys

import numpy as np
import torch

import ifp
from annealing.freezing import freezing_point, read_loops
from annealing.likelihoods.pixels import Bernoulli
from annealing.rate_distortion import rate_distortion_bound
from annealing.spectral import codebook_bound
from annealing.spectral import freezing_point as closed_form
from annealing.stack import Case
from annealing.sweep import sweep
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.piece import case_range
from ifp.closed_form.contexts import action_sequence, draw_contexts
from ifp.datasets.dataset import require_labelled
from ifp.machine.threads import use_threads


@use_threads(AnnealConfig.threads)
def main(contexts: int) -> None:
    """Print per factor the medians of freezing, melting and ifp over the shuffled data's closed form."""
    ds = require_labelled(ifp.load_dataset("dsprites"))
    config = AnnealConfig(dataset=ds.name, factors=ds.factors.names)
    for factor in ds.factors.names:
        cases, spectral, bounds, original = [], [], [], []
        for number, index in enumerate(draw_contexts(ds, contexts, config.seed)):
            images = action_sequence(ds, factor, int(index))
            original.append(closed_form(images, Bernoulli()))
            courses = images.flatten(1).numpy()
            shuffled = np.random.default_rng([number, 6]).permuted(courses, axis=0)
            images = torch.from_numpy(shuffled).reshape(images.shape)
            spectral.append(closed_form(images, Bernoulli()))
            bounds.append(codebook_bound(images, Bernoulli()))
            cases.append(Case(images, *case_range(images, spectral[-1], config), seed=number))
        records = list(sweep(cases, SweepConfig(), Bernoulli()))
        points = []
        for case in range(contexts):
            direction = np.array([record.direction[case] for record in records])
            loop = np.array([record.loop[case] for record in records])
            beta = np.array([record.beta[case] for record in records])
            kl = np.array([record.kl[case, 0] for record in records])
            loops = read_loops(direction, loop, beta, kl, config.thresholds[0])
            points.append(freezing_point(loops, config.sweep.pace.slowdown))
        ratios = np.array([[p.freezing, p.melting, p.middle] for p in points]) / np.array(spectral)[:, None]
        ends = zip(points, spectral, rate_distortion_bound([case.images for case in cases], Bernoulli()), strict=True)
        held = np.mean([p.freezing <= 1.05 * top and low <= 1.05 * p.melting for p, low, top in ends])
        freezing, melting, middle = np.nanmedian(ratios, axis=0)
        print(
            f"{factor:12s} closed form {np.median(spectral):6.1f} (unshuffled {np.median(original):6.1f}); over it: "
            f"freezing {freezing:.2f}, melting {melting:.2f}, ifp {middle:.2f}, codebook bound "
            f"{np.median(np.array(bounds) / spectral):.2f}; that reach from it to beta_rd {held:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
