"""Changes, their controls, intervals, p-values and verdicts, from loops and by hand."""

import itertools

import numpy as np
import pytest

from workbench.laboratories.changes import changes, helps, sign_flip_p


def scores(seed=0, shape=(4, 3, 2, 3, 8)):
    """Random scores: [condition, seed, measure, language, sample]; the second language has five samples."""
    made = np.random.default_rng(seed).normal(size=shape)
    made[0] = made[0, :1]  # before training there are no seeds
    made[:, :, :, 1, 5:] = np.nan
    return made


def test_changes_equal_a_plain_loop():
    score = scores()
    made = changes(score, np.array([1, -1]), np.array([False, False]))
    for condition, measure, language in itertools.product(range(4), range(2), range(3)):
        samples = range(5 if language == 1 else 8)
        moved = [
            [score[condition, s, measure, language, i] - score[0, s, measure, language, i] for i in samples]
            for s in range(3)
        ]
        assert made["change"][1][condition, measure, language] == pytest.approx(np.mean(moved))
        by_seed = made["change_by_seed"][1][condition, :, measure, language]
        assert by_seed == pytest.approx(np.mean(moved, axis=1))
        if condition >= 2:
            own = [
                [score[1, s, measure, language, i] - score[condition, s, measure, language, i] for i in samples]
                for s in range(3)
            ]
            assert made["excess"][1][condition - 2, measure, language] == pytest.approx(np.mean(own))
    means = [made["change"][1][1, 0, language] for language in range(3)]
    assert made["mean_change"][1][1, 0] == pytest.approx(np.mean(means))
    assert (made["change"][1][0] == 0).all()


def test_intervals_cover_their_value_and_shrink_to_it_without_spread():
    score = scores()
    made = changes(score, np.array([1, 1]), np.array([False, True]))
    for name, low, high in (("change", "low", "high"), ("excess", "excess_low", "excess_high")):
        assert (made[low][1] <= made[name][1] + 1e-12).all() and (made[name][1] <= made[high][1] + 1e-12).all()
    flat = np.zeros((3, 2, 1, 2, 6))
    flat[1] = 1.0
    made = changes(flat, np.array([1]), np.array([True]))
    assert made["low"][1][1] == pytest.approx(1.0) and made["high"][1][1] == pytest.approx(1.0)
    assert made["mean_helps"][1].tolist() == [[1]] and made["helps"][1].tolist() == [[[1, 1]]]


def test_aligned_samples_are_drawn_together_in_all_languages():
    """Languages that move together are one piece of evidence: the interval is as wide as that of one of them."""
    own = np.random.default_rng(0).normal(size=12)
    score = np.zeros((2, 1, 2, 4, 12))
    score[1] = own
    made = changes(score, np.array([1, 1]), np.array([True, False]))
    width = made["mean_change_high"][1][1] - made["mean_change_low"][1][1]
    alone = (made["high"][1] - made["low"][1])[1, 0, 0]
    assert width[0] == pytest.approx(alone, rel=0.15)
    assert width[1] == pytest.approx(alone / 2, rel=0.25)  # four independent languages


def test_aligned_samples_stay_with_their_items_where_languages_lack_different_ones():
    """Even items move by 1 in one language, odd ones in the other: drawn together, their mean hardly varies."""
    score = np.zeros((2, 1, 1, 2, 12))
    score[1, 0, 0, :, ::2] = 1.0
    score[1, 0, 0, 1] = 1 - score[1, 0, 0, 1]
    whole = changes(score, np.array([1]), np.array([True]))
    assert [whole[f"mean_change_{end}"][1][1, 0] for end in ("low", "high")] == pytest.approx([0.5, 0.5])
    score[:, 0, 0, 0, 11] = np.nan
    score[:, 0, 0, 1, 0] = np.nan  # as many items, and others
    made = changes(score, np.array([1]), np.array([True]))
    assert made["mean_change_high"][1][1, 0] - made["mean_change_low"][1][1, 0] < 0.15
    shorter = np.concatenate([score, np.full((2, 1, 1, 2, 5), np.nan)], axis=-1)  # another measure has more samples
    again = changes(shorter, np.array([1]), np.array([True]))
    assert again["mean_change_low"][1].tolist() == made["mean_change_low"][1].tolist()


@pytest.mark.parametrize(("ends", "seeds", "better", "expected"), [
    ((0.1, 0.3), (0.1, 0.2), 1, 1),
    ((0.1, 0.3), (0.1, -0.2), 1, 0),
    ((-0.1, 0.3), (0.1, 0.2), 1, 0),
    ((-0.3, -0.1), (-0.1, -0.2), 1, -1),
    ((-0.3, -0.1), (-0.1, -0.2), -1, 1),
    ((0.1, 0.3), (0.1, np.nan), 1, 1),
])  # fmt: skip
def test_a_recipe_helps_where_interval_and_every_seed_agree(ends, seeds, better, expected):
    low, high = (np.array([[value]]) for value in ends)
    assert helps((low, high), np.array(seeds)[None, :, None], np.array([better])).tolist() == [[expected]]


def test_sign_flips_against_all_of_them():
    samples = np.array([0.5, 1.0, 0.25, 2.0, -0.1])
    flips = np.array(list(itertools.product((-1, 1), repeat=5)))
    exact = np.mean(np.abs(flips @ samples) >= abs(samples.sum()) - 1e-12)
    assert sign_flip_p(samples[None])[0] == pytest.approx(exact, abs=0.03)
    assert sign_flip_p(np.zeros((1, 4)))[0] == 1.0
    assert np.isnan(sign_flip_p(np.full((1, 4), np.nan))[0])
