"""The before-and-after figure holds the numbers of the comparison."""

import numpy as np
import pytest

from tests.neurons.test_compare import pair
from workbench.errors import BadArgument
from workbench.figures import before_after
from workbench.neurons.compare import compare


def test_both_panels_hold_the_numbers():
    found = compare(*pair(), trained=["l0", "l4"], permutations=50)
    figure = before_after(found)
    _, before, after, moves = figure.data
    order = [name.removesuffix(" ★") for name in before.y]
    for trace, variable in ((before, found.members_before), (after, found.members_after)):
        np.testing.assert_array_equal(trace.x, variable.sum("kind").sel(language=order))
    assert [name for name in before.y if "★" in name] == ["l0 ★", "l4 ★"]
    np.testing.assert_array_equal(moves.text, found.transition)
    np.testing.assert_allclose(np.nansum(moves.z, 1), (found.transition.sum("after") > 0).astype(float))
    assert "keep their class" in figure.layout.title.subtitle.text
    legend = figure.layout.legend  # under the title of the axis, whatever the height
    assert (legend.yref, legend.y, legend.yanchor) == ("container", 0, "bottom")


def test_another_result_is_refused(heads):
    with pytest.raises(BadArgument, match=r"neurons\.compare"):
        before_after(heads)
