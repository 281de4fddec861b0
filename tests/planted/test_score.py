import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.planted import loops
from workbench import planted
from workbench.errors import BadArgument
from workbench.planted.score import in_top
from workbench.results.make import make_result, provenance

AXES = ("language", "layer", "head")
LANGUAGES = ["de", "en", "fr"]
MEMBER = np.zeros((3, 2, 3), bool)
MEMBER[0, 0, 0] = MEMBER[0, 1, 2] = MEMBER[1, 1, 2] = MEMBER[2, 0, 1] = True


def result(variables, coords=None):
    return make_result(variables, coords or {"language": LANGUAGES}, method="test", parameters={})


TRUTH = result({"member": (AXES, MEMBER, "truth")})


@pytest.mark.parametrize("ties", [False, True])
def test_shares_in_the_top_are_those_of_every_way_to_break_ties(ties):
    rng = np.random.default_rng(0)
    for cells in (1, 2, 5, 40):
        for _ in range(30):
            truth = rng.random(cells) < 0.4
            truth[rng.integers(cells)] = True
            score = rng.integers(0, 4, cells).astype(float) if ties else rng.normal(size=cells)
            count = int(truth.sum())
            share = float(in_top(score, count)[truth].sum()) / count
            assert share == pytest.approx(loops.expected_top(truth.tolist(), score.tolist(), count))


def test_ranking_ignores_order_and_monotone_changes():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 5, MEMBER.shape).astype(float)
    plain = planted.score(result({"delta": (AXES, values, "d")}), TRUTH)
    for other in (2 * values - 7, np.exp(values)):
        same = planted.score(result({"delta": (AXES, other, "d")}), TRUTH)
        for name in ("precision", "recall", "average_precision"):
            np.testing.assert_allclose(same[name], plain[name])
    turned = result({"delta": (AXES, values, "d")}).transpose("head", "language", "layer").isel(language=[2, 0, 1])
    np.testing.assert_allclose(planted.score(turned, TRUTH).average_precision, plain.average_precision)


def test_scores_rank_and_members_are_taken_as_they_are():
    perfect = planted.score(result({"importance": (AXES, MEMBER + 0.0, "i")}), TRUTH)
    for name in ("precision", "recall", "average_precision"):
        np.testing.assert_array_equal(perfect[name], 1)
    assert perfect.true.values.tolist() == [2, 1, 1]
    np.testing.assert_allclose(perfect.chance, np.array([2, 1, 1]) / 6)
    found = MEMBER.copy()
    found[0] = True  # everything
    found[2] = False  # nothing
    members = planted.score(result({"member": (AXES, found, "m")}), TRUTH)
    np.testing.assert_allclose(members.precision, [2 / 6, 1, np.nan])
    np.testing.assert_allclose(members.recall, [1, 1, 0])
    np.testing.assert_allclose(members.average_precision, [2 / 6, 1, 1 / 6])
    assert members.attrs["macro_precision"] == pytest.approx((2 / 6 + 1 + 0) / 3)
    assert members.attrs["macro_recall"] == pytest.approx(2 / 3)
    assert members.found.values.tolist() == [6, 1, 0]


def test_constant_scores_are_chance_and_missing_cells_come_last():
    flat = planted.score(result({"delta": (AXES, np.zeros(MEMBER.shape), "d")}), TRUTH)
    np.testing.assert_allclose(flat.average_precision, flat.chance)
    np.testing.assert_allclose(flat.precision, flat.chance)
    holes = np.where(MEMBER, -5.0, np.nan)
    np.testing.assert_array_equal(planted.score(result({"delta": (AXES, holes, "d")}), TRUTH).average_precision, 1)


def test_a_score_without_languages_orders_the_members():
    entropy = np.arange(6.0).reshape(2, 3)  # lower is better; true for de: 0 and 5
    member = MEMBER.copy()
    member[0, 0, 1] = True  # entropy 1, false
    found = result({"member": (AXES, member, "m"), "entropy": (AXES[1:], entropy, "e")})
    scored = planted.score(found, TRUTH)
    assert scored.attrs["read"] == "member, entropy"
    assert float(scored.average_precision[0]) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert float(scored.precision[0]) == pytest.approx(2 / 3)
    alone = planted.score(found, TRUTH, variable="entropy")
    assert alone.language.values.tolist() == ["any"]
    union = MEMBER.any(0).ravel().tolist()
    expected = loops.average_precision(union, (-entropy).ravel().tolist())
    assert float(alone.average_precision[0]) == pytest.approx(expected)


def test_onsets():
    truth = result(
        {"onset": (("aspect",), [1, 3], "o"), "member": (("aspect", "layer"), np.eye(5, dtype=bool)[[1, 3]], "m")},
        {"aspect": ["concept", "language"]},
    )
    found = result({"onset": (("aspect",), np.array([1.0, 4.0]), "o")}, {"aspect": ["concept", "language"]})
    scored = planted.score(found, truth)
    assert scored.attrs["read"] == "onset"
    assert scored.recall.values.tolist() == [1, 0] and scored.precision.values.tolist() == [1, 0]


def test_a_language_without_truth_is_nan_and_leaves_the_mean():
    truth = TRUTH.copy(deep=True)
    truth["member"][2] = False
    scored = planted.score(result({"delta": (AXES, MEMBER + 0.0, "d")}), truth)
    assert np.isnan(scored.average_precision[2]) and scored.attrs["macro_average_precision"] == 1


def test_it_says_what_it_read_and_is_saved(tmp_path):
    scored = planted.score(result({"delta": (AXES, MEMBER + 0.0, "d")}), TRUTH)
    assert provenance(scored)["parameters"] == {"read": "delta", "from": {"method": "test", "parameters": {}}}
    xr.testing.assert_identical(wb.load_result(wb.save_result(scored, tmp_path / "score.nc")), scored)


def test_refusals():
    with pytest.raises(BadArgument, match="has no 'member'"):
        planted.score(TRUTH, result({"delta": (AXES, MEMBER + 0.0, "d")}))
    with pytest.raises(BadArgument, match="this result has other"):
        planted.score(result({"other": (AXES, MEMBER + 0.0, "d")}), TRUTH)
    with pytest.raises(BadArgument, match="variable='nothing'"):
        planted.score(TRUTH, TRUTH, variable="nothing")
    with pytest.raises(BadArgument, match="without 'fr'"):
        planted.score(TRUTH.isel(language=[0, 1]), TRUTH)
    with pytest.raises(BadArgument, match="head axis"):
        planted.score(TRUTH.isel(head=[0, 1]), TRUTH)
