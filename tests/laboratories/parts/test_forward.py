"""Prompts and answers as tokens: together, as they are trained."""

from types import SimpleNamespace

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import workbench as wb
from tests.models import byte_tokenizer
from workbench.laboratories.parts.distillation.own_answers import own_answers
from workbench.laboratories.parts.forward import answered
from workbench.laboratories.parts.measures import matches
from workbench.laboratories.parts.surprisal import following_bits

ITEMS = [('(Hund) = English? "', "dog"), ('(dog) = Deutsch? "', "Hund"), ('(a) = English? "', "cat")]


def spaced_tokenizer():
    """A token a character; a space before every text, as in SentencePiece, and an end behind it."""
    special = ["<pad>", "<bos>", "<eos>", "<unk>", "\u2581"]
    vocabulary = {token: i for i, token in enumerate([*special, *map(chr, range(33, 127))])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ends = [("<bos>", 1), ("<eos>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A <eos>", special_tokens=ends)
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


class Parrot(torch.nn.Module):
    """Continues every text of a few as it goes on."""

    device = torch.device("cpu")

    def __init__(self, tokenizer, texts):
        super().__init__()
        end = tokenizer.eos_token_id
        self.known = [[token for token in tokenizer(text)["input_ids"] if token != end] for text in texts]
        self.vocabulary = len(tokenizer)

    def forward(self, input_ids, attention_mask, use_cache=False):
        logits = torch.zeros(*input_ids.shape, self.vocabulary)
        for row, ids in enumerate(input_ids.tolist()):
            for place in range(len(ids)):
                for known in self.known:
                    if known[: place + 1] == ids[: place + 1] and place + 1 < len(known):
                        logits[row, place, known[place + 1]] = 50.0
        return SimpleNamespace(logits=logits)


@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), byte_tokenizer(bos=False), spaced_tokenizer()])
def test_a_model_that_goes_on_as_trained_is_right_whatever_the_tokenizer(tokenizer):
    model = Parrot(tokenizer, [f'{prompt}{answer}"' for prompt, answer in ITEMS])
    assert matches(model, tokenizer, ITEMS) == [True] * 3
    assert matches(model, tokenizer, [(ITEMS[0][0], "cat")]) == [False]
    assert following_bits(model, tokenizer, [(prompt, f'{answer}"') for prompt, answer in ITEMS]) == pytest.approx(
        [0] * 3, abs=1e-4
    )


def test_the_shipped_tokenizer_divides_prompts_and_answers_as_each_by_itself():
    tokenizer, words = wb.laboratories.read_base("polyglot").tokenizer, wb.load_words()
    items = [
        (f'({word}) = Suomi? "', other)
        for code in words.columns
        for word, other in zip(words["de"][:100], words[code][:100], strict=True)
    ]
    for (prompt, answer), (ids, begin) in zip(items, answered(tokenizer, items), strict=True):
        assert ids[:begin] == tokenizer(prompt)["input_ids"]
        assert ids[begin:] == tokenizer(answer, add_special_tokens=False)["input_ids"]


def test_own_answers_begin_behind_the_prompt_and_not_behind_an_end_of_text():
    tokenizer, seen = spaced_tokenizer(), []

    class Watched(Parrot):
        def generate(self, input_ids, **_):
            seen.append(input_ids[0].tolist())
            return input_ids

    own_answers(Watched(tokenizer, []), tokenizer, ['(Hund) = English? "'])
    assert tokenizer.eos_token_id not in seen[0]
