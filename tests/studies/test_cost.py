"""What rows took: by device, and in hours of one thread."""

import pytest

from studies.cost import cost, cpu_hours


def row(seconds, device="cpu", dataset="dsprites", **more):
    return {"dataset": dataset, "seconds": seconds, "device": device, "method": "deft", **more}


def test_the_cost_names_every_device_and_leaves_out_what_diverged():
    rows = [row(60), row(120), row(600), row(30, "GPU"), {"dataset": "dsprites", "status": "diverged at step 3"}]
    assert cost(rows) == (
        "1 rows on GPU: median 30 s a row, 0 min together; 3 rows on cpu: median 120 s a row, 13 min together"
    )


def test_training_on_a_gpu_counts_as_the_median_of_training_on_a_cpu_with_the_same_data():
    swept = row(7200)
    del swept["method"]
    rows = [row(600), row(3600), row(1200), row(10, "GPU"), row(10, "GPU", "coil20"), swept]
    assert cpu_hours(rows) == pytest.approx((600 + 3600 + 1200 + 1200 + 7200) / 3600)
    assert cpu_hours([{"dataset": "dsprites", "status": "diverged at step 3"}]) == 0
