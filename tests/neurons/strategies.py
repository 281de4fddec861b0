"""Hypothesis: small tables of counts with many ties, zeros and dead neurons."""

from hypothesis import strategies as st

from tests.neurons.tables import counts


@st.composite
def tables(draw, prefix: bool = False):
    """Counts of 2 to 4 languages, up to 3 x 6 neurons, few distinct values; also the nested lists they are made of."""
    languages, layers, neurons = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.integers(2, 6))
    tokens = draw(st.lists(st.sampled_from([3, 4, 6, 12]), min_size=languages, max_size=languages))
    lists = {"fired": [_block(draw, layers, neurons, total) for total in tokens], "tokens": tokens}
    if prefix:
        before = [draw(st.integers(0, total - 1)) for total in tokens]
        lists["prefix_fired"] = [
            [[min(one, other) for one, other in zip(row, part, strict=True)] for row, part in zip(*both, strict=True)]
            for both in zip(lists["fired"], (_block(draw, layers, neurons, n) for n in before), strict=True)
        ]
        lists["prefix_tokens"] = before
    return counts(**lists), lists


def _block(draw, layers: int, neurons: int, total: int):
    row = st.lists(st.one_of(st.just(0), st.integers(0, total)), min_size=neurons, max_size=neurons)
    return draw(st.lists(row, min_size=layers, max_size=layers))


shares = st.sampled_from([0.1, 0.25, 0.5, 0.8, 1.0])
bars = st.sampled_from([0.05, 0.3, 0.5, 0.75, 0.95])
weights = st.sampled_from([0.0, 0.01, 0.07, 0.2, 1.0])
