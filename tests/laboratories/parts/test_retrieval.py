"""What is measured of a model with prompts, against one text at a time."""

import numpy as np
import pytest
import torch

from tests.laboratories.cases import CORPUS
from tests.models import byte_tokenizer, tiny
from workbench.laboratories.bench import Plain
from workbench.laboratories.parts import measures
from workbench.laboratories.parts.measures import bits, bits_per_byte
from workbench.laboratories.parts.objectives import text
from workbench.laboratories.parts.pool import fixed_shares, in_languages
from workbench.laboratories.parts.prompted import install, retrieved
from workbench.laboratories.parts.prompts import initial
from workbench.laboratories.parts.retrieval import in_own_languages, prompted_bits, shares_of, strongest_prompt
from workbench.laboratories.recipe import Example
from workbench.laboratories.training.batches import example_batches

TOKENIZER = byte_tokenizer()


def prompted(count=3, languages=()):
    module = tiny("llama")
    pool = initial(module, (count, 2), train_keys=True, languages=languages, seed=0)
    with torch.no_grad():
        pool.prompts += torch.randn(pool.prompts.shape, generator=torch.Generator().manual_seed(1))
        pool.keys *= 50
    install(module, pool)
    return module


def alone(module, sentence):
    """Shares of a text that is read alone, without padding."""
    ids = torch.tensor([TOKENIZER(sentence)["input_ids"]])
    return retrieved(module, ids, torch.ones_like(ids))[0]


def test_shares_are_those_of_each_text_alone():
    module = prompted()
    shares = shares_of(module, TOKENIZER, CORPUS.texts["de"])
    for row, sentence in zip(shares, CORPUS.texts["de"], strict=True):
        assert torch.allclose(row, alone(module, sentence), atol=1e-5)


def test_the_strongest_prompt_has_the_largest_share():
    module = prompted()
    values = strongest_prompt(CORPUS, "strongest")(Plain(module, TOKENIZER))
    assert values.dims == ("language", "sample")
    for language, texts in CORPUS.texts.items():
        assert values.sel(language=language).values.tolist() == [float(alone(module, one).argmax()) for one in texts]
    assert len(np.unique(values)) > 1
    for without in (tiny("llama"), prompted(count=1)):
        assert np.isnan(strongest_prompt(CORPUS, "strongest")(Plain(without, TOKENIZER))).all()


def test_few_rows_of_a_pass_change_nothing(monkeypatch):
    module = Plain(prompted(), TOKENIZER)
    whole = prompted_bits(CORPUS, "bits", other_query=True)(module)
    monkeypatch.setattr(measures, "_LOGITS", 20_000)
    np.testing.assert_allclose(prompted_bits(CORPUS, "bits", other_query=True)(module), whole, atol=1e-5)


def test_bits_are_those_of_the_prompts_that_a_text_retrieves():
    module = prompted()
    measured = prompted_bits(CORPUS, "bits")(Plain(module, TOKENIZER))
    assert measured.attrs == {"units": "bits per byte", "better": "lower", "aligned": 1}
    np.testing.assert_array_equal(measured, bits_per_byte(CORPUS)(Plain(module, TOKENIZER)))


def test_the_other_query_is_that_of_the_next_text():
    module = prompted()
    measured = prompted_bits(CORPUS, "bits", other_query=True)(Plain(module, TOKENIZER))
    texts = CORPUS.texts["fr"]
    for number, sentence in enumerate(texts):
        following = alone(module, texts[(number + 1) % len(texts)])
        with fixed_shares(module.prompt_pool, following[None]):
            expected = bits(module, TOKENIZER, [sentence])[0]
        assert float(measured.sel(language="fr")[number]) == pytest.approx(expected, rel=1e-5)
    own = prompted_bits(CORPUS, "bits")(Plain(module, TOKENIZER))
    assert float(abs(measured - own).max()) > 0.01
    plain = Plain(tiny("llama"), TOKENIZER)
    np.testing.assert_array_equal(prompted_bits(CORPUS, "bits", other_query=True)(plain), bits_per_byte(CORPUS)(plain))


def test_a_language_is_read_and_trained_with_its_own_prompt():
    module = prompted(languages=["de", "en", "fr"])
    measured = prompted_bits(CORPUS, "bits")(Plain(module, TOKENIZER))
    with in_languages(module, ["fr"]):
        assert measured.sel(language="fr").values.tolist() == bits(module, TOKENIZER, CORPUS.texts["fr"])
    strongest = strongest_prompt(CORPUS, "strongest")(Plain(module, TOKENIZER))
    assert strongest.values.tolist() == [[0.0] * 6, [1.0] * 6, [2.0] * 6]
    examples = [Example("Der Hund", language="de"), Example("Le chien", language="fr")]
    batch = next(example_batches(examples, TOKENIZER, tokens=99, length=32))
    losses = []
    for one in examples:
        single = next(example_batches([one], TOKENIZER, tokens=99, length=32))
        with in_languages(module, [one.language]):
            losses.append(text()(module, single).item())
    assert in_own_languages(text())(module, batch).item() == pytest.approx(np.mean(losses), rel=1e-5)
    in_own_languages(text())(module, batch).backward()
    assert module.prompt_pool.prompts.grad.abs().sum((1, 2)).gt(0).tolist() == [True, False, True]
