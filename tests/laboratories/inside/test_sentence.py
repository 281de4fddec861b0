"""The sentence: computed from planted numbers."""

import numpy as np

from tests.laboratories.inside.cases import planted
from workbench.laboratories.inside.compare import compare

RNG = np.random.default_rng(0)
NEURONS = np.array(["related"] * 30 + ["other"] * 70)
LENS = 0.4 + RNG.uniform(-0.02, 0.02, (2, 12, 4))


def state(*, moved=0, lens=0.0):
    """Classes of which the first `moved` changed, and words that are likelier by `lens` at states 1 and 2."""
    kind = NEURONS.copy()
    kind[:moved] = "specific"
    shifted = LENS + RNG.uniform(-0.01, 0.01, LENS.shape)
    shifted[:, :, 1:3] += lens
    return planted(kind=[kind], lens=shifted)


def finding(**conditions):
    return compare(state(), conditions, trained=[], level=0.95, seed=0).attrs["finding"]


def test_a_change_beyond_both_controls():
    text = finding(recipe=state(moved=25, lens=0.3), shuffled=state(moved=2), text=state(moved=1))
    assert text.startswith("Beyond shuffled and text, recipe changed the class of more neurons (kappa 0.")
    assert "made words of German more probable at states 1 to 2" in text


def test_a_change_that_a_control_has_too():
    text = finding(recipe=state(moved=25, lens=-0.3), shuffled=state(moved=25), text=state(moved=1))
    assert text.startswith("Beyond shuffled and text, recipe made words of German less probable at states 1 to 2.")
    assert "Not beyond every control: classes of neurons (kappa" in text


def test_nothing_beyond():
    text = finding(recipe=state(), text=state())
    assert text.startswith(
        "Nothing that recipe changed goes beyond text. Not beyond every control: classes of neurons (kappa 1.00"
    )


def test_without_a_control():
    assert "No control was looked at" in finding(recipe=state(moved=25))
