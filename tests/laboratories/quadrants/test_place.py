import numpy as np
import pytest

from workbench.laboratories.quadrants.place import quadrants


@pytest.mark.parametrize(
    ("bilingual", "multilingual", "name"),
    [
        ((0.1, 0.3), (0.2, 0.4), "reciprocal"),
        ((-0.3, -0.1), (0.2, 0.4), "altruistic"),
        ((0.1, 0.3), (-0.4, -0.2), "selfish"),
        ((-0.3, -0.1), (-0.4, -0.2), "stagnant"),
        ((-0.1, 0.3), (0.2, 0.4), "undecided"),
        ((0.1, 0.3), (-0.1, 0.1), "undecided"),
        ((0.0, 0.3), (0.2, 0.4), "undecided"),  # an end at 0 covers it
        ((0.1, 0.3), (-0.4, 0.0), "undecided"),
        ((0.1, np.nan), (0.2, 0.4), "not measured"),
    ],
)
def test_hand_points(bilingual, multilingual, name):
    assert quadrants(np.array(bilingual), np.array(multilingual)) == name


def test_many_points_at_a_time_keep_their_axes():
    low, high = np.array([[0.1, -0.3], [0.1, -1.0]]), np.array([[0.3, -0.1], [0.3, 1.0]])
    names = quadrants((low, high), (low[::-1], high[::-1]))
    assert names.tolist() == [["reciprocal", "undecided"], ["reciprocal", "undecided"]]


def test_a_seed_of_the_other_sign_leaves_it_undecided():
    ends, gains = (np.array([0.1, 0.1]), np.array([0.3, 0.3])), np.array([[0.2, 0.5], [0.2, -0.1]])
    assert quadrants(ends, ends, gains, np.abs(gains)).tolist() == ["reciprocal", "undecided"]
    assert quadrants(ends, ends, np.abs(gains), gains).tolist() == ["reciprocal", "undecided"]
