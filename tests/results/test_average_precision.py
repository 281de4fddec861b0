import numpy as np
import pytest

from tests.oracles import detectors as oracle
from tests.planted import loops
from workbench.results.average_precision import average_precision


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_the_definition_ties_included(seed):
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 2 + 3 * seed, (30, 40)) / 7
    labels = generator.random((3, 30)) < 0.3
    labels[:, 0] = True
    found = average_precision(scores, labels)
    for k in range(3):
        for unit in range(40):
            wanted = oracle.average_precision(scores[:, unit].tolist(), labels[k].tolist())
            assert found[k, unit] == pytest.approx(wanted, abs=1e-12)


def test_average_precision_by_hand():
    labels = np.array([[True, False, True, False]])
    scores = np.array([[4, 1, 2.0], [3, 1, 2], [2, 1, 9], [1, 1, 1]])
    # 1/2 * 1/1 + 1/2 * 2/3; all tied: 2/4; yes first, then a tie of yes and no: 1/2 + 1/2 * 2/3
    np.testing.assert_allclose(average_precision(scores, labels), [[1 / 2 + 1 / 3, 1 / 2, 1 / 2 + 1 / 3]])


def one(truth, score):
    return average_precision(np.asarray(score, float)[:, None], truth[None]).item()


@pytest.mark.parametrize("ties", [False, True])
def test_one_ranking_is_that_of_plain_loops(ties):
    rng = np.random.default_rng(0)
    for cells in (1, 2, 5, 40):
        for _ in range(30):
            truth = rng.random(cells) < 0.4
            truth[rng.integers(cells)] = True
            score = rng.integers(0, 4, cells).astype(float) if ties else rng.normal(size=cells)
            assert one(truth, score) == pytest.approx(loops.average_precision(truth.tolist(), score), abs=1e-12)


def test_one_ranking_by_hand():
    truth = np.array([True, False, True, False])
    assert one(truth, [4, 3, 2, 1]) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    assert one(truth, [1, 1, 1, 1]) == 0.5
    assert one(truth, [2, 2, 1, 1]) == pytest.approx(1 / 2 * 1 / 2 + 1 / 2 * 2 / 4)
    assert one(truth, [2, 0, 2, 0]) == 1
    assert one(truth, [-np.inf, -np.inf, 2, -np.inf]) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 4)


@pytest.mark.filterwarnings("error")
def test_nothing_true_and_scores_that_are_no_number_have_none():
    labels = np.array([[False, False, False], [True, False, False]])
    scores = np.array([[3.0, np.nan], [2, 1], [1, 0]])
    np.testing.assert_array_equal(average_precision(scores, labels), [[np.nan, np.nan], [1, np.nan]])
