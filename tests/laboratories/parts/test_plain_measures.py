"""Measures that need no more than a module are not made to wait for a whole Model."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import CORPUS, WORDS, base, materials, recipe
from tests.models import byte_tokenizer
from workbench.errors import Interrupted
from workbench.laboratories import bench
from workbench.laboratories.bench import Plain

LAB = wb.laboratories
HOW = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False, "seeds": 1, "controls": ()}


def test_a_module_and_its_model_give_the_same_numbers():
    made, module = materials(), base()
    measures = [LAB.bits_per_byte(CORPUS), LAB.exact_match(made), LAB.answer_bits(made)]
    plain = [measure(Plain(module, byte_tokenizer())).values for measure in measures]
    wrapped = wb.load_model(module, tokenizer=byte_tokenizer())
    for measure, values in zip(measures, plain, strict=True):
        np.testing.assert_allclose(measure(wrapped).values, values, atol=1e-4)


def test_only_measures_that_need_a_model_load_one(monkeypatch):
    loaded, load = [], bench.load_model
    monkeypatch.setattr(bench, "load_model", lambda *args, **options: loaded.append(1) or load(*args, **options))
    LAB.run(recipe(), base(), measures=[LAB.bits_per_byte(CORPUS)], **HOW)
    assert not loaded
    LAB.run(recipe(), base(), measures=[lambda model: LAB.bits_per_byte(CORPUS)(model)], **HOW)
    assert len(loaded) == 2  # before and after


def test_weights_that_the_last_step_broke_are_refused():
    def breaking(module, batch):
        zero = (module.get_input_embeddings().weight * 0).sqrt().sum()  # its slope is not finite
        return LAB.answers()(module, batch) + zero

    broken = recipe(objective=breaking, steps=1)
    with pytest.raises(Interrupted, match="not finite"):
        LAB.run(broken, base(), measures=[LAB.bits_per_byte(CORPUS)], **HOW)
