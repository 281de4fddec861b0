"""A byte-level BPE tokenizer, trained on an equal sample of every language."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from workbench.training.data.prompts import AUTONYMS, Words

BOS, EOS, PAD = "<s>", "</s>", "<pad>"
SPLIT = (
    r" ?[\p{L}\p{M}]+(?:['’](?=\p{L}))?"  # a word; an elided one keeps its apostrophe (l'|eau)
    r"| ?\p{N}"  # digits one by one
    r"| ?[^\s\p{L}\p{M}\p{N}]+(?: [^\s\p{L}\p{M}\p{N}]+)*"  # punctuation with its inner spaces: `: "` is one token
    r"|\n|[^\S\n]+"
)


def sample_lines(corpus: Path, languages: Iterable[str], *, characters: int, seed: int = 0) -> list[str]:
    """Random lines of `<corpus>/text/<language>/train.txt`, about `characters` of each language."""
    rng = np.random.default_rng(seed)
    sample: list[str] = []
    for language in languages:
        lines = (corpus / "text" / language / "train.txt").read_text(encoding="utf-8").splitlines()
        left = characters
        for index in rng.permutation(len(lines)):
            if left <= 0:
                break
            sample.append(lines[index])
            left -= len(lines[index])
    return sample


def word_lines(words: Words, *, repeats: int) -> list[str]:
    """Every quoted word and the language names, `repeats` times, so that both get few tokens."""
    quoted = [f'"{word}"' for row in words.values() for word in row.values()]
    names = [f'{name}: "" - {name}: ""' for name in AUTONYMS.values()]
    return (quoted + names * 20) * repeats


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> Tokenizer:
    """Trains byte-level BPE: lossless for any text, no unknown token, `<s>` added at the start."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    bos = (BOS, tokenizer.token_to_id(BOS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[bos]
    )
    return tokenizer


def wrap_tokenizer(tokenizer: Tokenizer, *, context: int) -> PreTrainedTokenizerFast:
    """Wraps the tokenizer for transformers, with its special tokens."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def make_tokenizer(
    corpus: Path, words: Words, *, vocabulary: int, context: int, seed: int = 0
) -> PreTrainedTokenizerFast:
    """The shipped tokenizer: trained on 400,000 characters of every language and the word list."""
    texts = sample_lines(corpus, AUTONYMS, characters=400_000, seed=seed) + word_lines(words, repeats=80)
    return wrap_tokenizer(train_tokenizer(texts, vocabulary=vocabulary), context=context)
