"""What the comparison says in words, for each verdict."""

import pytest

from tests.atlas.across import cases
from tests.atlas.across.test_claims import MIDDLE, OUTER
from workbench.atlas.across import sentences
from workbench.atlas.across.statements import STATEMENTS
from workbench.errors import BadArgument

MIXED = {"neurons/lape": cases.lape(6, [(0,), (5,), (2,), (0,), (3,), (1,), (2,), (4,)])}


@pytest.fixture(scope="module")
def written():
    results = {"outer": OUTER, "middle": MIDDLE, "mixed": MIXED, "bare": {"neurons/firing": cases.firing(None)}}
    return sentences(results, resamples=500)


def test_a_sentence_for_each_question(written):
    assert len(written) == len(STATEMENTS) + 3
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in written)


def test_each_verdict_is_counted_with_its_models(written):
    assert written[0].startswith(
        "That a language's LAPE neurons lie in the outer thirds of the layers (arXiv 2402.16438) holds in 1 of 3 "
        "models (outer +0.33 [+0.33 to +0.33]), does not hold in 1 of 3 models (middle -0.67 [-0.67 to -0.67]), is "
        "undecided in 1 of 3 models (mixed "
    )
    assert written[0].endswith(
        "and is not measured in 1 (bare). Numbers: difference of shares; above 0 they speak for the claim."
    )


def test_depths_are_stated(written):
    assert "(outer 0.67 [0.67 to 0.67])" in written[2]
    assert "(middle 0.17 [0.17 to 0.17])" in written[2]
    assert written[2].endswith("above 0.5 they speak for the claim.")


def test_reasons_of_heads_and_neurons(written):
    heads, neurons = written[-3:-1]
    assert heads == (
        "What heads go by, script or token length: script (token length is left open) in outer; "
        "token length (script is left open) in middle; not measured in mixed and bare."
    )
    assert neurons.startswith("What neurons go by, script or token length: script (token length is left open) in outer")
    assert "neither is shown in bare" in neurons


def test_claims_are_counted_for_each_model(written):
    assert written[-1].startswith(
        "Verdicts on 10 claims: outer (holds 8, undecided 2); middle (holds 3, does not hold 5, undecided 2); "
    )
    assert "mixed (undecided 1, not measured 9)" in written[-1]


def test_a_claim_that_no_model_measures():
    alone = sentences({"mixed": MIXED}, resamples=50)
    assert alone[2] == (
        "That the concept is handed over to the last token after the middle of the depth (arXiv 2411.08745) is not "
        "measured in any model."
    )


def test_wrong_arguments():
    with pytest.raises(BadArgument):
        sentences({})
    with pytest.raises(BadArgument):
        sentences({"a": MIXED}, resamples=0)
