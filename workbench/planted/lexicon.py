"""The words of the planted grammars, and a tokenizer that makes one token of each."""

from collections.abc import Sequence

import pandas as pd
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from workbench.errors import BadArgument, TooFewLanguages
from workbench.text.corpus import digest
from workbench.text.languages import check, language_list

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
_UNUSED = 3  # tokens that no text has, per token that one has: the random probe at loading must meet some
_SPLIT = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])


def codes(languages: str | Sequence[str]) -> list[str]:
    """Language codes, checked, in the order given.

    Raises:
        UnknownLanguage: a code that no language has.
        TooFewLanguages: fewer than two.
        BadArgument: one of them twice.
    """
    chosen = [check(code) for code in language_list(languages)]
    if len(chosen) < 2:
        raise TooFewLanguages(f"a planted model compares languages, at least two; got {chosen}")
    if len(set(chosen)) < len(chosen):
        raise BadArgument(f"languages={chosen!r} has one twice")
    return chosen


def make_words(languages: Sequence[str], count: int) -> pd.DataFrame:
    """`count` concepts with a made-up word in every language: [concept, language]."""
    syllables = [consonant + vowel for vowel in "aeiou" for consonant in "bdgklmnprst"]
    names = [first + second for first in syllables for second in syllables if first != second]
    step = 37  # a stride without common divisor with the list's length, so that neighbours begin differently
    chosen = [names[(i * step) % len(names)] for i in range(count)]
    table = {code: [f"{name}{code.replace('-', '').lower()}" for name in chosen] for code in languages}
    frame = pd.DataFrame(table, index=pd.Index(chosen, name="concept"))
    frame.attrs = {"pos": {}, "source": "planted", "hash": digest([chosen, sorted(table.items())]), "dropped": 0}
    return frame


def make_tokenizer(tokens: Sequence[str]) -> hf.PreTrainedTokenizerFast:
    """One token for each word and mark, after the special ones, and three times as many unused ones.

    The tokenizer puts `<bos>` before every text.
    """
    known = [*SPECIAL, *tokens]
    known += [f"<unused{i}>" for i in range(_UNUSED * len(known))]
    made = Tokenizer(models.WordLevel({token: i for i, token in enumerate(known)}, unk_token="<unk>"))
    made.pre_tokenizer = _SPLIT
    made.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 1)])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


def last_piece(text: str) -> str:
    """The last token that a text is cut into."""
    return _SPLIT.pre_tokenize_str(text)[-1][0]
