"""More from less: which directions are measured together, and planted transfer."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import CORPUS, WORDS, base, materials
from tests.models import byte_tokenizer
from workbench.errors import BadArgument
from workbench.laboratories.systems.more_from_less import by_trained

LAB = wb.laboratories
SMALL = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False}


def test_directions_are_measured_by_which_languages_were_trained():
    model = wb.load_model(base(), tokenizer=byte_tokenizer())
    measured = {values.name: values for values in (measure(model) for measure in by_trained(materials(), ("de", "en")))}
    names = [f"{form}, {group}" for form in ("question", "line") for group in ("both trained", "into a trained one",
             "out of a trained one")]  # fmt: skip
    assert list(measured) == [*names, "bits per byte"]  # with three languages no direction has none of two
    assert set(measured["question, into a trained one"].language.values) == {"de", "en"}
    assert set(measured["question, out of a trained one"].language.values) == {"fr"}


def test_one_language_is_no_pair():
    with pytest.raises(BadArgument, match="2 or more different"):
        LAB.more_from_less(base(), trained=["de", "de"], **SMALL)


def test_a_quick_run_of_a_tiny_model_gives_the_whole_result():
    result = LAB.more_from_less(base(), trained=("de", "en"), quick=True, **SMALL)
    assert result.sizes["seed"] == 1 and result.sizes["step"] == 4
    assert np.isfinite(result.loss.sel(condition=["recipe", "shuffled", "text"])).all()
