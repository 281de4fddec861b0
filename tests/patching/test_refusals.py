import numpy as np
import pytest

import workbench as wb
from tests.patching.cases import make_pairs, token, wrapped
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite
from workbench.model.metrics import Metric
from workbench.text.pairs import Pair, Pairs

sweep = wb.patching.sweep
EQUAL = make_pairs([8, 8])


def one(source, target, answer="kord", foil="lord", name=""):
    return Pairs((Pair(source, target, answer, foil, name=name),), "one")


@pytest.mark.parametrize("kind", ["xglm", "opt"])
def test_patterns_that_the_architecture_ignores(kind):
    with pytest.raises(UnsupportedSite, match="'pattern'"):
        sweep(wrapped(kind), EQUAL, site="pattern")


def test_sites_and_axes():
    with pytest.raises(
        UnsupportedSite, match=r"'residual' over layer and position, or .*'pattern' over layer and head"
    ):
        sweep(wrapped("llama"), EQUAL, site="gate")
    with pytest.raises(BadArgument, match="'head' goes over"):
        sweep(wrapped("llama"), EQUAL, site="head", over=("layer", "position"))
    named = sweep(wrapped("llama"), EQUAL, site="head", over=["layer", "head"], progress=False)
    assert named.effect.dims == ("layer", "head")


def test_metrics_and_batch_sizes():
    with pytest.raises(
        BadArgument, match=r"'accuracy' is not a metric .has: logit_difference, answer_probability, nll"
    ):
        sweep(wrapped("llama"), EQUAL, metric="accuracy")
    for size in (0, "many", 1.5, True):
        with pytest.raises(BadArgument, match="batch_size"):
            sweep(wrapped("llama"), EQUAL, batch_size=size)


@pytest.mark.parametrize("site", ["residual", "head", "pattern"])
def test_unequal_lengths_within_a_pair(site):
    with pytest.raises(BadPairs, match=r"pair 0 \(dog\): source has 5 tokens and target 4"):
        sweep(wrapped("llama"), one("abcd", "abc", name="dog"), site=site)


def test_answers_that_begin_alike():
    with pytest.raises(BadPairs, match=r"pair 0: answer 'kord' and foil 'kind' both begin with the token 'k'"):
        sweep(wrapped("llama"), one("abc", "abd", "kord", "kind"))
    with pytest.raises(BadPairs, match="both begin"):
        sweep(wrapped("llama"), one("abc", "abd", "kord", " kind"), metric="answer_probability")
    with pytest.raises(BadPairs, match="both begin with the token ' '"):
        sweep(wrapped("llama"), one("abc", "abd", " kord", " lord"))


def test_a_metric_of_ones_own_finds_its_pairs_in_the_batch():
    answers = [token(pair.answer) for pair in EQUAL]

    def of(logits, batch):
        return logits[range(len(batch.rows)), [answers[row] for row in batch.rows]]

    result = sweep(wrapped("llama"), EQUAL, metric=Metric("answer_logit", "logits", of), progress=False)
    assert result.attrs["metric"] == "answer_logit"
    assert result.value.attrs == {"long_name": "mean answer logit of the patched run", "units": "logits"}


def interrupting(after):
    """A metric that is interrupted when it is read for the last time of `after`."""
    reads = []

    def read(model, states, batch):
        reads.append(1)
        if len(reads) == after:
            raise KeyboardInterrupt
        return states[:, :, -1, 0]

    return Metric("first", "units", lambda logits, batch: logits[:, 0], of_states=read)


def test_an_interrupted_sweep_keeps_what_is_finished():
    model = wrapped("llama")
    whole = sweep(model, EQUAL, metric=interrupting(0), site="head", batch_size=1, progress=False)
    with pytest.raises(
        Interrupted, match=r"1 of 2 pairs are finished, and 1 of 3 layers of the next 1 pairs \(16 cells\)"
    ) as stop:
        sweep(model, EQUAL, metric=interrupting(5 + 2 + 2), site="head", batch_size=1, progress=False)
    partial = stop.value.partial
    np.testing.assert_array_equal(partial.pair_value[0], whole.pair_value[0])
    np.testing.assert_array_equal(partial.pair_value[1, 0], whole.pair_value[1, 0])
    assert np.isnan(partial.pair_value[1, 1:]).all()
    np.testing.assert_array_equal(partial.effect, whole.pair_effect[0])
    assert partial.attrs["pairs_averaged"] == 1
    np.testing.assert_array_equal(partial.target_value, whole.target_value)


def test_interrupted_in_the_first_batch_the_layers_are_averaged_over_it():
    model = wrapped("llama")
    whole = sweep(model, EQUAL, metric=interrupting(0), site="head", progress=False)
    with pytest.raises(Interrupted, match="0 of 2 pairs are finished, and 1 of 3 layers of the next 2 pairs") as stop:
        sweep(model, EQUAL, metric=interrupting(4), site="head", progress=False)
    np.testing.assert_array_equal(stop.value.partial.effect[0], whole.effect[0])
    assert np.isnan(stop.value.partial.effect[1:]).all()


def test_interrupted_before_anything_was_run():
    with pytest.raises(Interrupted, match="0 of 2 pairs are finished") as stop:
        sweep(wrapped("llama"), EQUAL, metric=interrupting(1), progress=False)
    assert np.isnan(stop.value.partial.effect).all()
    assert stop.value.partial.attrs["pairs_averaged"] == 0


def test_an_interrupted_grid_keeps_its_target_layers():
    model = wrapped("llama")
    whole = wb.patching.cross_layer(model, EQUAL, metric=interrupting(0), progress=False)
    with pytest.raises(Interrupted, match="2 of 3 target layers of the next 2 pairs") as stop:
        wb.patching.cross_layer(model, EQUAL, metric=interrupting(5), progress=False)
    partial = stop.value.partial
    np.testing.assert_array_equal(partial.effect[:, :2], whole.effect[:, :2])
    assert np.isnan(partial.effect[:, 2]).all()
