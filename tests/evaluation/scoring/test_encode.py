"""Contexts and options as token ids: the seam, empty contexts, BOS, and what is too long."""

from dataclasses import replace

import pytest
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers import models as token_models
from transformers import PreTrainedTokenizerFast

import workbench as wb
from tests.models import byte_tokenizer, tiny
from tests.oracles.evaluation import tokens
from workbench.errors import BadTask, TooLarge
from workbench.evaluation.scoring.encode import encode_options
from workbench.evaluation.scoring.formats import formatted, without_question


def merging_tokenizer():
    """Characters, and one merge that reaches across the seam: `b c` becomes one token."""
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<bos>", "<eos>", "a", "b", "c", "d", " ", "bc"])}
    tokenizer = Tokenizer(token_models.BPE(vocab=vocabulary, merges=[("b", "c")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\n", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


@pytest.fixture(scope="module")
def merging():
    return wb.load_model(tiny("llama"), tokenizer=merging_tokenizer())


def one(context, *options, delimiter=""):
    row = {"language": "en", "context": context, "options": list(options), "gold": 0}
    task = wb.load_task([row])
    return type(task)(task.name, task.context, task.options, task.gold, task.ids, delimiter={"en": delimiter})


def test_a_merged_seam_keeps_the_context_and_scores_the_tail(merging):
    merged, plain = encode_options(merging, one("ab", "cd", "dd"))
    assert (merged.context, merged.tail, merged.merged) == ((1, 3, 4), (6,), True)  # w = a bc d
    assert (plain.context, plain.tail, plain.merged) == ((1, 3, 4), (6, 6), False)
    alone, _ = encode_options(merging, one("ab", "cd", "dd"), seam="answer")
    assert (alone.context, alone.tail) == ((1, 3, 4), (5, 6))


def test_an_option_without_a_token_of_its_own_is_refused(merging):
    with pytest.raises(BadTask, match=r"item '0', option 0: the tokenizer makes no token of 'c' after 'ab'"):
        encode_options(merging, one("ab", "c", "d"))


@pytest.mark.parametrize(
    ("context", "continuation"), [("ab ", "dd"), ("a\n ", "d"), ("", "da"), ("ab", " d"), (" ", "d")]
)
def test_tokens_are_those_of_the_definition(wrapped, context, continuation):
    model = wrapped("llama")
    option = encode_options(model, one(context, continuation, "z"))[0]
    assert (list(option.context), list(option.tail)) == tokens(byte_tokenizer(), context, continuation)


def test_a_context_that_spells_out_bos_gets_no_second(wrapped):
    model = wrapped("llama")
    spelled, plain = (encode_options(model, one(context, "d", "z"))[0] for context in ("<bos>a", "a"))
    assert spelled == plain and spelled.context.count(1) == 1


def test_a_continuation_that_begins_with_bos_uses_that_one(wrapped):
    option = encode_options(wrapped("llama"), one("", "<bos>d", "z"))[0]
    assert option.context == (1,) and 1 not in option.tail and len(option.tail) == 1


def test_without_bos_an_empty_context_is_eos():
    tokenizer = byte_tokenizer(bos=False)
    tokenizer.bos_token = None
    model = wb.load_model(tiny("llama"), tokenizer=tokenizer)
    assert encode_options(model, one("", "d", "z"))[0].context == (2,)


def test_the_delimiter_stands_between_context_and_option(wrapped):
    spaced = encode_options(wrapped("llama"), one("ab", "d", "z", delimiter=" "))[0]
    assert len(spaced.tail) == 2


def test_what_is_too_long_is_named_or_cut(wrapped):
    model = wrapped("llama")  # 128 positions, of which BOS takes one
    with pytest.raises(TooLarge, match="item '0', option 1: context and option have 130 tokens"):
        encode_options(model, one("a" * 127, "b", "cc"))
    first, second = encode_options(model, one("a" * 127, "b", "cc"), truncate=True)
    assert first.cut == 0 and second.cut == 1 and len(second.context) + len(second.tail) == 129
    with pytest.raises(TooLarge, match="option 0 has 129 tokens"):
        encode_options(model, one("a", "b" * 129, "c"), truncate=True)


def test_bare_letters_score_the_last_id_of_the_letter(wrapped):
    option = encode_options(wrapped("llama"), one("x", "A", "B", delimiter=" "), bare_letters=True)[0]
    assert list(option.tail) == byte_tokenizer()("A", add_special_tokens=False)["input_ids"]


def test_no_space_stands_after_an_opening_quotation_mark():
    model = wb.load_model(tiny("llama"), tokenizer=byte_tokenizer())
    contexts = ["He said “", "He said “yes”", 'Say: "', "The sky is"]
    rows = [{"language": "en", "context": text, "options": ["ab", "c"], "gold": 0} for text in contexts]
    task = wb.load_task(rows)
    texts = [model.tokenizer.decode(option.tail) for option in encode_options(model, task)]
    assert texts == ["ab", "c", " ab", " c", "ab", "c", " ab", " c"]
    empty = encode_options(model, without_question(task, "cloze"))
    assert [model.tokenizer.decode(option.tail) for option in empty] == texts  # the same continuation, unconditional
    for language_delimiter, first in ((" ", " ab"), ("", "ab")):
        explicit = replace(task, delimiter={"en": language_delimiter})
        assert model.tokenizer.decode(encode_options(model, explicit)[0].tail) == first
    solved = formatted(task, "cloze", 2).context["en"][0]
    assert solved == 'He said “ab\n\nHe said “yes” ab\n\nSay: "'
    per_option = wb.load_task([{**rows[0], "context": ["A “", "B"]}])
    assert [model.tokenizer.decode(option.tail) for option in encode_options(model, per_option)] == ["ab", " c"]
    both = without_question(per_option, "cloze")
    assert (both.options["en"], both.delimiter) == ((("ab", " c"),), {"en": ""})
