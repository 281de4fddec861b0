import pytest

from workbench.errors import BadArgument
from workbench.neurons.classes.weight_lambda import Search, largest


@pytest.mark.parametrize("edge", [0.0003, 0.0371, 0.0999, 0.1501, 0.1993])
def test_a_single_edge_is_found_to_a_thousandth(edge):
    found = largest(lambda lam: int(lam > edge))
    assert edge - 1e-3 <= found.lam <= edge
    assert found.monotone
    assert found.lam / 0.2 * 256 == pytest.approx(round(found.lam / 0.2 * 256))  # a value of the released bisection


def test_the_whole_range_succeeds():
    assert largest(lambda lam: 0).lam == 0.2


def test_a_second_success_above_a_failure_is_found_and_said():
    found = largest(lambda lam: int(0.03 < lam < 0.12 or lam > 0.1437))
    assert 0.1427 <= found.lam <= 0.1437
    assert not found.monotone
    assert "NOT monotone" in str(found)


def test_success_only_at_the_upper_end_is_not_monotone():
    found = largest(lambda lam: int(lam < 0.2))
    assert found.lam == 0.2
    assert not found.monotone


def test_failure_says_what_was_tried():
    with pytest.raises(BadArgument, match=r"tried 21 values, fewest 3 at 0\.06"):
        largest(lambda lam: 3 if abs(lam - 0.06) < 1e-9 else 5)


def test_monotone_of_nothing_failing():
    assert Search(0.2, {0.0: 0, 0.2: 0}).monotone
