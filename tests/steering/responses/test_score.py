"""Scores of steered responses, against plain loops and values by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadCorpus, TooLarge, UnknownLanguage
from workbench.results.proportions import wilson
from workbench.steering.responses.rates import difference_ends, harmonic, intervals
from workbench.steering.responses.relevance import copied

PROMPTS = ["Ein Hund", "Na ja", "Es regnet", "Guten Tag"]
RESPONSES = pd.DataFrame(
    {"prompt": PROMPTS, "completion": [" lief D", "", " dT", " Lx"], "target": "de", "language": "de"}
)
QUIET = {"progress": False}


def first_capital(text):
    return next(({"D": "de", "T": "en", "L": "fr"}[sign] for sign in text if sign in "DTL"), None)


def mean_log_probability(model, prompt, response):
    before = model.tokenizer(prompt)["input_ids"]
    own = model.tokenizer(response, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([before + own])
    with torch.no_grad():
        logits = model.module(input_ids=ids).logits[0].double().log_softmax(-1)
    return np.mean([float(logits[len(before) - 1 + place, token]) for place, token in enumerate(own)])


def relevant_by_hand(model, prompts, responses):
    return [
        bool(text) and all(mean_log_probability(model, own, text) > mean_log_probability(model, other, text)
                           for other in prompts if other != own)
        for own, text in zip(prompts, responses, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_score_against_plain_loops(wrapped, kind):
    model = wrapped(kind)
    prompts = [f"{word} {number}" for number, word in enumerate(["Ein", "Hund", "lief", "zum", "Tor", "und", "sah"])]
    written = wb.generate(model, prompts, tokens=5, **QUIET).text.tolist()
    texts = [written[0], written[1], written[0], "", written[4], "Hund D", written[6]]
    table = pd.DataFrame({"prompt": prompts, "completion": texts})
    result = wb.steering.score(model, table, identify=first_capital, language="de", **QUIET)
    relevant = relevant_by_hand(model, prompts, texts)
    assert result.relevant.values.tolist() == relevant and 0 < sum(relevant) < 7
    success = [first_capital(text) == "de" for text in texts]
    assert result.succeeded.values.tolist() == success
    assert result.success.item() == sum(success) / 7 and result.relevance.item() == pytest.approx(sum(relevant) / 7)
    assert (result.success_low.item(), result.success_high.item()) == pytest.approx(wilson(sum(success), 7))
    assert result.chance.item() == pytest.approx(1 / 7), "six others are fewer than nine"
    s, r = sum(success) / 7, sum(relevant) / 7
    assert result.harmonic.item() == pytest.approx(2 * s * r / (s + r))
    both = sum(a and b for a, b in zip(success, relevant, strict=True))
    assert result.both.item() == both / 7
    assert (result.both_low.item(), result.both_high.item()) == pytest.approx(wilson(both, 7))
    assert result.empty.item() == 1 and result.responses.item() == 7
    again = wb.steering.score(model, table, identify=first_capital, language="de", batch_size=1, **QUIET)
    assert again.relevant.equals(result.relevant)


def test_counts_by_hand(wrapped):
    result = wb.steering.score(
        wrapped("llama"), RESPONSES, identify=first_capital, relevance=lambda prompt, text: 0.5, **QUIET
    )
    assert result.identified.values.tolist() == ["de", "", "en", "fr"]
    assert result.success.item() == 0.25
    assert result.relevance.item() == 0.375, "an empty response is not judged, and not relevant"
    assert result.harmonic.item() == pytest.approx(2 * 0.25 * 0.375 / 0.625)
    assert result.both.item() == 0.125, "half of the one German response"
    assert result.both_low <= result.both <= result.both_high
    assert np.isnan(result.chance.item()) and result.unidentified.item() == 1
    assert result.harmonic_low <= result.harmonic <= result.harmonic_high


def test_a_score_of_the_identifier_below_the_bar_counts_as_none(wrapped):
    options = {"relevance": lambda prompt, text: 1, **QUIET}
    for confidence, success in ((0.3, 0), (0.31, 0.75)):
        result = wb.steering.score(
            wrapped("llama"), RESPONSES, identify=lambda text, c=confidence: ("de", c), **options
        )
        assert result.success.item() == success


def test_targets_are_an_axis(wrapped):
    table = RESPONSES.assign(target=["de", "de", "en", "fr"])
    result = wb.steering.score(wrapped("llama"), table, identify=first_capital, **QUIET)
    assert result.language.values.tolist() == ["de", "en", "fr"]
    assert result.success.values.tolist() == [0.5, 1, 1]
    assert np.isnan(result.harmonic_low.sel(language="fr")), "one prompt says nothing of others"


def test_equal_prompts_are_drawn_together():
    rows = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0]], dtype=float)
    value, low, high = intervals(rows, np.array([0, 0, 0, 0, 1, 2]), 0.95, 0)
    np.testing.assert_allclose(value, [4 / 6, 5 / 6, 4 / 6, harmonic(np.array(4 / 6), np.array(5 / 6))])
    assert low[0] == 0 and high[0] == 1, "one prompt four times is one"
    assert intervals(rows, np.arange(6), 0.95, 0)[1][0] == pytest.approx(wilson(4, 6)[0])
    assert harmonic(np.zeros(1), np.zeros(1)) == 0


@pytest.mark.parametrize(
    ("prompt", "response", "wanted"),
    [
        ("Der Hund lief", " der  Hund LIEF", True),
        ("Der Hund lief", " zum Tor und sah", False),
        ("Der Hund lief", " Hund lief zum", True),
        ("Der Hund lief", " Hund lief zum Tor hinaus", False),
        ("Der Hund lief", "und", True),
        ("Der Hund lief", "oder", False),
        ("Der Hund lief", " ", False),
    ],
)
def test_copies_by_hand(prompt, response, wanted):
    assert copied(prompt, response) is wanted


def test_what_does_not_fit_is_refused(wrapped):
    model = wrapped("llama")

    def refused(error, message, table=RESPONSES, **options):
        with pytest.raises(error, match=message):
            wb.steering.score(model, table, **{"identify": first_capital, **options}, **QUIET)

    refused(BadCorpus, "no column 'prompt'", RESPONSES.drop(columns="prompt"))
    refused(BadCorpus, "no rows", RESPONSES.iloc[:0])
    refused(BadCorpus, "has no other to compare with", RESPONSES.iloc[:1])
    refused(BadArgument, "the responses name no target", RESPONSES.drop(columns="target"))
    refused(UnknownLanguage, "xx", language="xx-nope")
    refused(BadArgument, "others=0", others=0)
    refused(BadArgument, "relevance returned 2", relevance=lambda prompt, text: 2)
    refused(BadArgument, "give a function of a prompt and a response", relevance=len)
    refused(BadArgument, "identify returned", identify=lambda text: 3)
    refused(TooLarge, "does not fit after the prompt", RESPONSES.assign(completion="a" * 127))


def test_no_harmonic_mean_has_an_interval_without_width():
    """No success in 10 distinct prompts: Wilson's upper end of 0 of 10 with that of 9 of 10."""
    rows = np.stack([np.zeros(10), np.arange(10) > 0]).astype(float)
    value, low, high = intervals(rows, np.arange(10), 0.95, 0)
    assert value[-1] == low[-1] == 0
    success, relevance = (wilson(count, 10, level=0.95)[1] for count in (0, 9))
    assert high[-1] == pytest.approx(2 * success * relevance / (success + relevance))


def test_two_shares_of_different_responses_have_a_harmonic_mean_but_nothing_that_is_both():
    rows = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=float)
    value, low, high = intervals(rows, np.arange(4), 0.95, 0)
    np.testing.assert_array_equal(value, [0.5, 0.5, 0, 0.5])
    assert (low[2], high[2]) == pytest.approx(wilson(0, 4))


def test_a_difference_that_no_draw_changes_has_the_width_of_both_rates():
    """Success in all of 3 prompts against none: Wilson gives [0.44, 1] and [0, 0.56], Newcombe's method 10 both."""
    ends = [tuple(map(np.array, (count / 3, *wilson(count, 3, level=0.95)))) for count in (3, 0)]
    low, high = difference_ends(np.ones(100), *ends, 0.95)
    assert low == pytest.approx(1 - np.hypot(1 - ends[0][1], ends[1][2])) and low < 0.4
    assert high == pytest.approx(1)


def test_prompts_without_a_language_and_a_single_prompt(wrapped):
    table = RESPONSES.assign(language=None)
    result = wb.steering.score(wrapped("llama"), table, identify=first_capital, **QUIET)
    assert np.isfinite(result.harmonic_high).all()
    low, high = intervals(np.ones((2, 1)), np.zeros(1, dtype=int), 0.95, 0)[1:]
    assert np.isnan(low).all() and np.isnan(high).all()


def test_a_response_with_a_token_that_the_model_lacks_is_refused_by_name():
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"<x{number}>" for number in range(60)])
    model = wb.load_model(tiny("llama"), tokenizer=tokenizer)
    table = pd.DataFrame({"prompt": ["Ein", "Hund"], "completion": ["lief", "lief <x55> D"]})
    with pytest.raises(BadCorpus, match=r"response 1 has the token '<x55>' \(id 315\), and .* 300 rows"):
        wb.steering.score(model, table, identify=first_capital, language="de", **QUIET)


def test_lone_surrogates_are_read_as_the_sign_that_stands_for_them(wrapped):
    model = wrapped("llama")
    prompts, texts = ["Ein\ud800", "Hund", "Tor"], [" D\udc00", " lief", " D"]
    table = pd.DataFrame({"prompt": pd.Series(prompts, dtype=object), "completion": pd.Series(texts, dtype=object)})
    clean = table.map(lambda text: text.replace("\ud800", "\ufffd").replace("\udc00", "\ufffd"))
    own, wanted = (wb.steering.score(model, part, identify=first_capital, language="de", **QUIET)
                   for part in (table, clean))  # fmt: skip
    xr.testing.assert_equal(own, wanted)
    vectors = wb.steering.directions(model, wb.load_corpus({"de": PROMPTS, "en": PROMPTS[::-1]}), **QUIET).sel(
        language="de"
    )
    steered = [wb.steering.steer(model, [text], vectors, strength=1, tokens=3, **QUIET).completion.item()
               for text in ("Ein\ud800", "Ein\ufffd")]  # fmt: skip
    assert steered[0] == steered[1]


def test_prompts_of_one_language_are_compared_whatever_its_spelling(wrapped):
    table = pd.DataFrame({"prompt": ["Ein", "Hund", "Tor"], "completion": [" D", " lief D", " x"]})
    how = {"identify": first_capital, "language": "de", **QUIET}
    one, three = (
        wb.steering.score(wrapped("llama"), table.assign(language=codes), **how)
        for codes in (["en"] * 3, ["en", "EN", "eng"])
    )
    assert three.chance.item() == pytest.approx(1 / 3) and (three.relevant == one.relevant).all()
