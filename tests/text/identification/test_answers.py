"""Answers of identifiers in bare codes and other spellings, beside what they mean by hand."""

import warnings

import pytest

import workbench as wb
from tests.heads.cases import model
from workbench.errors import BadArgument
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import answer_matcher, batch_identifier
from workbench.text.identification.identify import by_trigrams

VARIETIES = [("zh-TW", "zh"), ("zh-Hant", "zho"), ("pt-BR", "pt"), ("sr-Latn", "sr"), ("nb", "no"), ("en-US", "en")]


def named(answer, languages):
    return answer_matcher(languages)([answer])[0]


@pytest.mark.parametrize(("there", "bare"), VARIETIES)
def test_a_bare_code_is_the_only_variety_that_is_there_and_it_is_said_once(there, bare):
    answers = batch_identifier(lambda text: bare, [there, "de"])
    with pytest.warns(UserWarning, match="the only variety of that language here") as caught:
        assert answers(["a", "b"]) + answers(["c"]) == [there] * 3
    assert len(caught) == 1


def test_what_names_a_script_or_region_is_not_another_variety():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert named("zh-CN", ["zh-Hant", "de"]) == "zh-CN"
        assert named("pt-PT", ["pt-BR"]) == "pt-PT"
        assert named("nn", ["nb"]) == "nn"
        assert named("deu", ["de", "zh"]) == "de"
        assert named("zh-TW", ["zh", "zh-Hant"]) == "zh-Hant"
        assert named("zh-CN", ["zh", "zh-Hant"]) == "zh"
        assert named(None, ["de"]) is None


@pytest.mark.parametrize("there", [("zh-Hans", "zh-Hant"), ("zh", "zh-TW"), ("en-US", "en-GB"), ("nb", "no")])
def test_a_bare_code_tells_no_two_varieties_apart(there):
    bare = "no" if "nb" in there else there[0][:2]
    with pytest.warns(UserWarning, match=f"does not tell {there[0]} from {there[1]}"):
        assert named(bare, there) is None


def test_an_identifier_that_lists_both_varieties_means_what_it_says():
    texts = {"zh": ("我的哥哥去市场买了面包和牛奶。",) * 2, "zh-Hant": ("我的哥哥去市場買了麵包和牛奶。",) * 2}
    corpus = Corpus(texts, True, "test")
    identify = by_trigrams(corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert batch_identifier(identify, corpus.languages)([rows[0] for rows in texts.values()]) == ["zh", "zh-Hant"]


@pytest.mark.parametrize(("there", "bare"), [("zh-Hant", "zh"), ("pt-BR", "pt"), ("nb", "no")])
@pytest.mark.filterwarnings("ignore:.*the only variety")
def test_answers_in_bare_codes_are_on_target(there, bare):
    prompts = Corpus({there: ("abc", "abd"), "de": ("acd", "bcd")}, False, "test")
    options = {"identify": lambda text: bare, "controls": 1, "tokens": 2, "progress": False}
    found = wb.heads.off_target(model("llama"), prompts, [(0, 1)], **options)
    assert found.share.sel(condition="whole").values.tolist() == [1, 0]
    groups = {there: [(0, 1)], "de": [(1, 2)]}
    found = wb.neurons.generation_share(model("llama"), prompts, groups, **options)
    assert found.share.sel(group="none").values.tolist() == [1, 0]


def test_an_answer_that_is_no_code_is_refused():
    with pytest.raises(BadArgument, match="identify returned 3"):
        batch_identifier(lambda text: 3, ["de"])(["a"])
