"""Selection of teachers against votes counted by hand and by a plain loop."""

from collections import Counter

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument, NotFinite, TooFewLanguages


def table(values, languages=None):
    values = np.asarray(values, dtype=float)
    return xr.DataArray(
        values, {"language": languages or list("abcdefgh"[: len(values)])}, ("language", "item", "option")
    )


def picks(*rows, options=3):
    """Probabilities of languages that are sure of one option an item."""
    return np.eye(options)[np.array(rows)] * 0.8 + 0.1


def test_votes_counted_by_hand():
    # The majority of the others: item 0 is option 0 for every language, item 1 option 1 for all but c's own view.
    result = wb.laboratories.select_teachers(table(picks([0, 1], [0, 1], [0, 2], [1, 1])))
    assert result.agreement.values.tolist() == [1, 1, 0.5, 0.5]
    assert result.attrs["mean"] == 0.75
    assert result.teacher.values.tolist() == [True, True, False, False]
    assert result.attrs["teachers"] == "a, b"
    assert result.tied.values.tolist() == [0, 0, 0, 0]


def test_own_vote_is_left_out():
    """With its own vote, c would make its option the majority's."""
    result = wb.laboratories.select_teachers(table(picks([0], [1], [1])))
    assert result.agreement.values.tolist() == [0, 0.5, 0.5]  # b sees 0 and 1: a tie


def test_a_plain_loop_gives_the_same():
    values = np.random.default_rng(0).random((6, 40, 4))
    result = wb.laboratories.select_teachers(table(values))
    for row in range(6):
        total = 0.0
        for item in range(40):
            counts = Counter(int(values[other, item].argmax()) for other in range(6) if other != row)
            most = [option for option, count in counts.items() if count == max(counts.values())]
            total += (int(values[row, item].argmax()) in most) / len(most)
        assert result.agreement.values[row] == pytest.approx(total / 40)


def test_a_split_vote_counts_in_parts():
    values = np.array([[[0.5, 0.5, 0]], [[1, 0, 0]], [[1, 0, 0]], [[0, 0, 1]]])
    assert wb.laboratories.select_teachers(table(values)).agreement.values.tolist() == [0.5, 1, 1, 0]


def test_ties_depend_on_no_order():
    values = np.round(np.random.default_rng(1).random((5, 30, 4)) * 2)  # many equal values
    result = wb.laboratories.select_teachers(table(values))
    turned = wb.laboratories.select_teachers(table(values[::-1, :, ::-1], languages=list("edcba")))
    assert np.allclose(result.agreement.values, turned.agreement.values[::-1])
    assert result.teacher.values.tolist() == turned.teacher.values[::-1].tolist()


def test_languages_that_agree_equally_are_no_teachers():
    result = wb.laboratories.select_teachers(table(picks([0, 1], [0, 1], [0, 1])))
    assert result.agreement.values.tolist() == [1, 1, 1]
    assert not result.teacher.values.any()
    assert result.attrs["teachers"] == ""


def test_a_language_at_the_mean_is_no_teacher():
    # Two items on which c stands alone and one on which a does: a agrees with 1 of 3 (two halves), b 1.5, c 0.5.
    result = wb.laboratories.select_teachers(table(picks([0, 0, 0], [0, 0, 1], [1, 1, 1])))
    assert result.agreement.values.tolist() == pytest.approx([1 / 3, 1.5 / 3, 0.5 / 3])
    assert result.attrs["mean"] == pytest.approx(1 / 3)
    assert result.attrs["teachers"] == "b"


def test_axes_may_come_in_any_order():
    values = table(picks([0, 1], [0, 1], [0, 2], [1, 1]))
    turned = values.transpose("option", "item", "language")
    assert wb.laboratories.select_teachers(turned).agreement.equals(wb.laboratories.select_teachers(values).agreement)


def test_the_interval_holds_the_agreement():
    result = wb.laboratories.select_teachers(table(np.random.default_rng(2).random((4, 50, 3))))
    assert (result.agreement_low <= result.agreement).all()
    assert (result.agreement <= result.agreement_high).all()


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        (table(np.ones((2, 3, 2))), TooFewLanguages, "three languages"),
        (table(np.ones((3, 3, 1))), BadArgument, "two options"),
        (table(np.ones((3, 0, 2))), BadArgument, "an item or more"),
        (table(np.full((3, 2, 2), -1.0)), BadArgument, "logarithms"),
        (table(np.full((3, 2, 2), np.nan)), NotFinite, "a, item 0"),
        (xr.DataArray(np.ones((3, 2)), dims=("language", "item")), BadArgument, "option"),
        (xr.DataArray(np.ones((3, 2, 2)), dims=("language", "item", "option")), BadArgument, "codes"),
    ],
)
def test_what_cannot_be_counted_is_refused(values, error, words):
    with pytest.raises(error, match=words):
        wb.laboratories.select_teachers(values)
