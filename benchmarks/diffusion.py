"""Information diffusion on real training: DEFT and one encoder under a falling pressure, and what was predicted of it.

Trains both objectives with three seeds each on a plan from the closed form, then prints each run's index (up to DEFT's
last stage, at the same step of the other's training, and of all) and, over ordered pairs of factors, the rank
correlation between the predicted chance and the measured leakage: the nats of a factor that ended outside its owner, in
the latent that owns the other. Runs are kept under FOLDER, so that the benchmark goes on where it was stopped.
Usage: python -m benchmarks.diffusion FOLDER [DATASET] [STEPS]        (default dsprites-32, 6000)
"""

import sys
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

import ifp
from analysis.diffusion import diagnose_diffusion
from analysis.findings import Findings
from analysis.information_trace import InformationTrace
from analysis.leakage import leakages
from analysis.stage_plan import StagePlan
from ifp.machine.memory import keep_freed_memory
from ifp.training.trained import trained_run

SEEDS = (0, 1, 2)
OBJECTIVES = ("deft", "annealed-beta")


def trained(folder: Path, plan: StagePlan, objective: str, seed: int, steps: int) -> InformationTrace:
    """The trace of a run: made, gone on with, or read."""
    path = folder / f"{objective}-{seed}"
    run = ifp.train(
        plan=plan,
        objective=objective,
        seed=seed,
        steps=steps,
        threads=1,
        precision="float32",
        out=path,
        resume=(path / "config.json").is_file(),
    )
    return trained_run(run).information


def leakage(trace: InformationTrace) -> pd.Series:
    """Nats of each factor in the latent that owns each other one, at the end, by ordered pair."""
    return pd.Series({(each.factor, each.other): each.nats for each in leakages(trace)}, dtype=float)


def predicted(findings: Findings) -> pd.Series:
    """Chance by ordered pair."""
    return pd.Series({(each.factor, each.other): each.chance for each in findings.pair_risks}, dtype=float)


def main(folder: Path, name: str, steps: int) -> None:
    """Print a row per run, then the correlations."""
    keep_freed_memory()
    findings = ifp.spectrum(name).findings(order=False)
    plan = ifp.plan_stages(findings)
    print("pressures", [stage.pressure for stage in plan.stages], flush=True)
    last = plan.boundaries(steps)[-2]
    rows, leaks = [], {}
    for objective in OBJECTIVES:
        for seed in SEEDS:
            trace = trained(folder, plan, objective, seed, steps)
            found = diagnose_diffusion(trace)
            rows.append(
                {
                    "objective": objective,
                    "seed": seed,
                    "before the last stage": diagnose_diffusion(trace.until(last)).index,
                    "of all": found.index,
                    "latents": len(found.latents),
                    "mixed": "; ".join("+".join(pair) for pair in found.mixed),
                }
            )
            leaks[objective, seed] = leakage(trace)
            print(pd.DataFrame(rows).tail(1).to_string(index=False, header=len(rows) == 1), flush=True)
    for objective in OBJECTIVES:
        measured = pd.DataFrame({seed: leaks[objective, seed] for seed in SEEDS}).mean(axis=1)
        both = pd.DataFrame({"predicted": predicted(findings), "measured": measured}).dropna()
        rho = spearmanr(both["predicted"], both["measured"])
        print(f"{objective}: Spearman {rho.statistic:.2f} over {len(both)} pairs of factors (p = {rho.pvalue:.2g})")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2] if len(sys.argv) > 2 else "dsprites-32",
        int(sys.argv[3]) if len(sys.argv) > 3 else 6000,
    )
