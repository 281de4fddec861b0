import pytest

import workbench as wb
from tests.borders import merging
from tests.models import tiny
from tests.patching.cases import ids, token, wrapped
from workbench.errors import WorkbenchWarning
from workbench.model.load import load_model
from workbench.patching.engine.pair_metric import following, metric_for_pairs
from workbench.patching.engine.prompts import encode
from workbench.text.pairs import Pair, Pairs


class Joining:
    """A stand-in tokenizer: a word a token, and a quote joined to a word that follows it when `joins`."""

    def __init__(self, joins):
        self.joins, self.words = joins, []
        self.bos_token_id = self.eos_token_id = None

    def _number(self, word):
        if word not in self.words:
            self.words.append(word)
        return self.words.index(word)

    def __call__(self, text, add_special_tokens=True, **options):
        if isinstance(text, list):
            return {"input_ids": [self(one)["input_ids"] for one in text]}
        if not self.joins:
            text = text.replace('"', ' " ')
        return {"input_ids": [self._number(word) for word in text.split()]}

    def decode(self, tokens):
        return " ".join(self.words[token] for token in tokens)


class OfTokenizer:
    """As much of a Model as tokenizing needs."""

    n_embedded = None

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def encode(self, corpus):
        from workbench.text.batches import encode

        return encode(self.tokenizer, corpus, max_length=100)


PAIR = Pairs((Pair('Hund is "', 'Katze is "', "chien noir", "chat"),), "one")


@pytest.mark.parametrize("joins", [False, True])
def test_the_token_behind_the_prompt_or_the_first_alone(joins):
    model = OfTokenizer(Joining(joins))
    prompts = encode(model, PAIR)
    (answer,) = following(model, prompts, ["chien noir"])
    assert model.tokenizer.decode([answer]) == "chien"


def test_prompts_that_end_in_a_space_of_the_next_word_are_counted():
    model = load_model(tiny("llama"), tokenizer=merging())
    pairs = Pairs((Pair("the sky: ", "the sea: ", "blue", "salt"), Pair("a sky:", "a sea:", " blue", " salt")), "two")
    with pytest.warns(WorkbenchWarning, match="1 of 2 prompts end in a space that the tokenizer joins"):
        found = following(model, encode(model, pairs), [pair.answer for pair in pairs])
    assert model.tokenizer.decode(found) == "b bl"  # of "blue" alone, and of " blue" in the whole text


def test_first_tokens_follow_the_prompt_without_special_tokens():
    model = wrapped("llama")
    pairs = Pairs((Pair("abc", "abd", "öl", " lord"),), "one")
    reading = metric_for_pairs(model, encode(model, pairs), "logit_difference")
    assert reading.tokens == {"answer": [ids("ö")[1]], "foil": [token(" ")]}


def test_a_probability_sums_distinct_first_tokens_and_no_bare_space():
    model = wrapped("llama")
    pairs = Pairs((Pair("abc", "abd", " kord", "lord"),), "one")
    reading = metric_for_pairs(model, encode(model, pairs), "answer_probability")
    assert reading.tokens == {"answer": [[token("k")]], "foil": [[token("l")]]}


def test_translation_pairs_made_with_the_tokenizer_can_be_swept():
    model = wrapped("llama")
    pairs = wb.translation_pairs("words", source="de", target="fr", shots=0, limit=12, tokenizer=model.tokenizer)
    assert all(len(ids(pair.source)) == len(ids(pair.target)) for pair in pairs)
    assert len({len(ids(pair.source)) for pair in pairs}) > 1
    result = wb.patching.sweep(model, pairs, progress=False)
    assert result.sizes["pair"] == 12
    assert result.position.values[-1] == -1
    assert result.token.values[-1] == '"'
