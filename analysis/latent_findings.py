"""What can be planned from a run of whole-data annealing: its latents, in the order in which they froze."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings
from analysis.whole_findings import WholeFindings
from annealing.errors import IFPError

SAME_WITHIN = 0.15  # freezing points of cooled latents that differ by less, relatively, are one: they lag differently


def latent_findings(whole: WholeFindings, *, image_shape: Sequence[int], likelihood: str) -> Findings:
    """Findings to plan stages from without labels: every latent that froze stands for a factor, under its own name.

    The points are those of cooling, which lags: lower bounds of the freezing points. A latent that some factor was
    told of is named after it too, ``scale (z5)``.

    Raises:
        IFPError: no latent froze.
    """
    frozen = {
        f"{each.frozen.factor} (z{each.latent})" if each.frozen.factor else f"z{each.latent}": each.freezing[0]
        for each in whole.latents
        if each.statuses[0] == "ok"
    }
    if not frozen:
        raise IFPError(f"need a latent that froze to plan with, none of {len(whole.latents)} did")
    table = pd.DataFrame({"factor": list(frozen), "spectral_beta": list(frozen.values())})
    table = table.assign(dataset=whole.dataset, context=0)
    left_out = (
        f"z{each.latent} held information at the top pressure already and is in no stage"
        for each in whole.latents
        if each.statuses[0] == "above_range"
    )
    found = conclude_spectrum(
        table,
        seed=whole.seed,
        fingerprint=whole.fingerprint,
        image_shape=image_shape,
        likelihood=likelihood,
        conditional=frozen,
    )
    return replace(
        found,
        source=f"{len(frozen)} latents of whole-data annealing, cooled",
        conditional_are="freezing points of latents as all data were cooled, lower bounds",
        same_within=SAME_WITHIN,
        warnings=(*left_out, *whole.warnings),
    )
