"""The ends of an interval as variables: their names, texts and values."""

import numpy as np

from workbench.results.interval_ends import interval_ends


def test_the_ends_of_the_main_variable_and_of_another_one():
    low, high = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert interval_ends(("language",), (low, high), "delta over texts [nats]", level=0.9) == {
        "low": (("language",), low, "lower end of the 90% interval of delta over texts [nats]"),
        "high": (("language",), high, "upper end of the 90% interval of delta over texts [nats]"),
    }
    assert list(interval_ends((), (low, high), "gain", level=0.95, name="gain")) == ["gain_low", "gain_high"]
