import numpy as np
import pytest
import xarray as xr

from tests.neurons.tables import by_hand, counts
from workbench.errors import BadArgument, BadCounts
from workbench.neurons.classes.lape import lape
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.counts.merge import merge
from workbench.neurons.counts.rates import read_rates
from workbench.neurons.counts.strength import means, quantiles


def with_value(name, index, value):
    firing = counts(by_hand().fired, by_hand().tokens, by_hand().fired // 2, by_hand().tokens // 2, ["de", "ja"])
    firing[name] = firing[name].astype(float)
    firing[name].values[index] = value
    return firing


@pytest.mark.parametrize(
    ("firing", "message"),
    [
        (xr.Dataset(), r"counts need fired\[language, layer, neuron\]; this Dataset has no variables"),
        (by_hand().drop_vars("tokens"), r"need tokens\[language\]; this Dataset has fired\[language, layer, neuron\]"),
        (by_hand().rename(neuron="unit"), r"fired needs the axes .* has fired\[language, layer, unit\]"),
        (by_hand().assign(tokens=("lang", [10, 20])), r"tokens needs the axes \[language\].*tokens\[lang\]"),
        (by_hand().assign(prefix_tokens=("language", [1, 1])), "counts need prefix_fired"),
        (by_hand().isel(neuron=slice(0)), "fired is empty"),
        (by_hand().assign_coords(language=["de", "de"]), "once; more than once: de"),
        (by_hand().astype(bool), "whole numbers, not bool"),
        (by_hand().astype(str), "whole numbers, not <U"),
        (with_value("fired", (1, 0, 2), np.nan), r"fired is NaN or infinite in 1 of 8 entries \(languages: ja\)"),
        (with_value("prefix_fired", (0, 0, 2), np.inf), "prefix_fired is NaN or infinite"),
        (with_value("fired", (0, 0, 2), -1), "fired is negative in 1 of 8"),
        (with_value("fired", (0, 0, 2), 0.5), "fired is not whole in 1 of 8"),
        (with_value("prefix_fired", (1, 0, 2), 1), r"prefix_fired exceeds fired in 1 of 8 entries \(languages: ja\)"),
        (
            by_hand().assign(prefix_fired=by_hand().fired, prefix_tokens=("language", [11, 20])),
            "prefix_tokens exceeds",
        ),
        (with_value("tokens", 1, 0), "tokens is 0 for language 'ja'"),
        (with_value("fired", (0, 0, 2), 11), "fired reaches 11 for language 'de', but tokens is 10"),
        (
            with_value("prefix_fired", (1, 0, 2), 11),
            "prefix_fired reaches 11 for language 'ja', but prefix_tokens is 10",
        ),
    ],
)
@pytest.mark.parametrize("method", [lape, ternary])
def test_impossible_counts(firing, message, method):
    with pytest.raises(BadCounts, match=message):
        method(firing, top_rate=0.5)


@pytest.mark.parametrize("method", [lape, ternary])
def test_counts_are_a_dataset(method):
    with pytest.raises(BadArgument, match=r"firing=\{'fired': 1\}; give a Dataset"):
        method({"fired": 1}, top_rate=0.5)


def test_negative_counts_are_refused_wherever_counts_are_read():
    fewer = with_value("fired", (0, 0, 2), -1)
    more = with_value("prefix_fired", (1, 0, 2), 1)
    for firing in (fewer, more):
        zeros = xr.zeros_like(firing.fired)
        summed = firing.assign(total=zeros, squares=zeros, sketch=zeros.expand_dims(bin=132))
        for read in (lambda one: merge([one]), means, lambda one: quantiles(one, 0.5), lape, ternary):
            with pytest.raises(BadCounts, match=r"negative|less than 0"):
                read(summed)


def test_a_prefix_that_leaves_no_tokens():
    with pytest.raises(BadCounts, match="language 'ja' has no response tokens"):
        ternary(with_value("prefix_tokens", 1, 20), top_rate=0.5)


def test_rates_of_response_tokens():
    firing = counts([[[8, 3]], [[9, 0]]], [10, 20], [[[2, 1]], [[4, 0]]], [5, 10])
    with pytest.warns(UserWarning, match="1 of 4 neurons fired more often than there are response tokens"):
        rates = read_rates(firing, prefix=True)
    np.testing.assert_array_equal(rates.rate, [[6 / 5, 2 / 5], [5 / 10, 0]])
    assert rates.above_one == 1
    np.testing.assert_array_equal(read_rates(firing, prefix=False).rate, [[0.8, 0.3], [0.45, 0]])


@pytest.mark.parametrize("kind", ["uint8", "int32", "uint64", "float32"])
def test_every_number_type_divides_alike(kind):
    firing = counts([[[200, 3]], [[9, 0]]], [250, 20], [[[2, 1]], [[4, 0]]], [5, 10]).astype(kind)
    np.testing.assert_array_equal(read_rates(firing, prefix=True).rate, [[198 / 245, 2 / 245], [0.5, 0]])


def test_the_counts_stay_as_they_are():
    firing = counts([[[6.0, 3.0]], [[9.0, 0.0]]], [10.0, 20.0], [[[2.0, 1.0]], [[4.0, 0.0]]], [5.0, 10.0])
    copy = firing.copy(deep=True)
    read_rates(firing, prefix=True)
    xr.testing.assert_identical(firing, copy)
