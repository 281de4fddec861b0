"""Targets: words, tokens, pairs, directions between languages, and what is refused."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from peft import LoraConfig, get_peft_model

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from tests.models import byte_tokenizer, tiny
from workbench.circuits import Targets, direction, graph
from workbench.circuits.graphs.targets import single, unembedding
from workbench.errors import BadArgument, TooFewLanguages, UnknownLanguage

WORDS = pd.DataFrame({"de": ["Hund", "Rad", "Ei"], "en": ["dog", "wheel", "Egg"], "fr": ["chien", "roue", "oeuf"]})
FIRST = {"de": "HR", "en": "dw", "fr": "cr"}  # the egg begins with E in two languages


def value(target):
    """The value of one target, and the graph."""
    result = graph(random_transcoder(3, 32), model_of(), "Guten Tag", target=target, progress=False)
    some = result.isel(node=(result.kind == "target").values)
    assert some.sizes["node"] == 1 and float(some.target_weight[0]) == 1
    return float(some.value[0]), some


def token(letter):
    return model_of().tokenizer(letter, add_special_tokens=False)["input_ids"][0]


@pytest.fixture(scope="module")
def logits():
    return model_of().logits("Guten Tag")[0, -1].detach().numpy()


@pytest.mark.parametrize("as_number", [False, True])
def test_a_word_is_its_first_token_less_the_mean(logits, as_number):
    number, some = value(token("x") if as_number else "xyz")
    assert number == pytest.approx(logits[token("x")] - logits.mean(), abs=1e-5)
    assert some.token_id.item() == token("x") and some.label.item() == "x"
    assert some.probability.item() == pytest.approx(np.exp(logits[token("x")]) / np.exp(logits).sum(), rel=1e-4)


def test_a_pair_is_the_difference_of_logits(logits):
    number, some = value(("xyz", token("q")))
    assert number == pytest.approx(logits[token("x")] - logits[token("q")], abs=1e-5)
    assert some.label.item() == "x less q" and some.token_id.item() == -1 and np.isnan(some.probability.item())


@pytest.mark.parametrize("form", [torch.Tensor.numpy, torch.clone])
def test_a_direction_is_read_off_the_final_state(form):
    drawn = torch.randn(32, generator=torch.Generator().manual_seed(0))
    model = model_of()
    final = model.states(model.batch("Guten Tag"))[0, -1]
    assert value(form(drawn))[0] == pytest.approx(float(final.detach() @ drawn), abs=1e-5)


def test_the_direction_of_a_language_by_hand():
    model = model_of()
    rows = {code: unembedding(model)[[token(letter) for letter in letters]] for code, letters in FIRST.items()}
    expected = rows["de"].mean(0) - torch.stack(list(rows.values())).mean((0, 1))
    target = direction(model, WORDS, "de")
    torch.testing.assert_close(target.vectors[0], expected)
    assert (target.record["concepts"], target.record["dropped"]) == (2, 1)
    assert value(target)[1].label.item() == "direction of de"


def test_a_collision_of_other_languages_does_not_matter():
    assert direction(model_of(), WORDS, "fr").record["dropped"] == 0


def test_words_follow_a_text():
    model = model_of()
    torch.testing.assert_close(
        direction(model, WORDS, "de", after='"').vectors, direction(model, WORDS, "de").vectors
    )  # bytes split alike everywhere
    polyglot = wb.load_model()
    words = wb.load_words(languages=["de", "fr"])
    assert not torch.equal(
        direction(polyglot, words, "de", after=" ").vectors, direction(polyglot, words, "de").vectors
    )


@pytest.mark.parametrize(
    "target",
    [1.5, "", ("x", "x"), ("x", "y", "z"), ["x"], True, 10**6, np.ones(7), torch.ones(2, 32), {"x": 1}],
    ids=str,
)
def test_other_targets_are_refused(target):
    with pytest.raises(BadArgument):
        graph(random_transcoder(3, 32), model_of(), "Guten Tag", target=target, progress=False)


def test_words_must_tell_the_language_from_others():
    with pytest.raises(UnknownLanguage, match="de, en, fr"):
        direction(model_of(), WORDS, "it")
    with pytest.raises(TooFewLanguages):
        direction(model_of(), WORDS[["de"]], "de")
    with pytest.raises(BadArgument, match="all 3 concepts"):
        direction(model_of(), WORDS.assign(en=WORDS.de), "de")


def test_targets_need_a_vector_for_each_name():
    with pytest.raises(BadArgument, match="one of each"):
        Targets(("a", "b"), torch.ones(1, 32), np.ones(2), np.ones(2), (-1, -1))
    with pytest.raises(BadArgument, match="NaN"):
        single("a", [float("nan")] * 32)


@pytest.mark.parametrize("use_dora", [False, True])
def test_a_target_has_what_an_adapter_adds_to_the_unembedding(use_dora):
    torch.manual_seed(1)
    options = {"target_modules": ["lm_head"], "init_lora_weights": False, "use_dora": use_dora}
    adapted = get_peft_model(tiny("llama"), LoraConfig(r=4, task_type="CAUSAL_LM", **options)).eval()
    merged = copy.deepcopy(adapted).merge_and_unload().eval()
    own, right = (wb.load_model(part, tokenizer=byte_tokenizer()) for part in (adapted.get_base_model(), merged))
    transcoder, words = random_transcoder(3, 32), WORDS
    for target in ("x", ("x", "y"), direction(right, words, "de")):
        wanted = graph(transcoder, right, "Guten Tag", target=target, progress=False)
        vector = direction(own, words, "de") if isinstance(target, Targets) else target
        result = graph(transcoder, own, "Guten Tag", target=vector, progress=False)
        np.testing.assert_allclose(result.weight, wanted.weight, atol=1e-4)
        np.testing.assert_allclose(result.value, wanted.value, atol=1e-4)


@pytest.mark.parametrize("spelled", ["DE", "deu", "German"])
def test_the_language_of_a_direction_in_any_spelling(spelled):
    plain, other = (direction(model_of(), WORDS, code) for code in ("de", spelled))
    assert torch.equal(plain.vectors, other.vectors) and other.names == plain.names
