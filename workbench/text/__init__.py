"""Texts: languages, corpora and their readers, word lists, prompt pairs, and batches with masks."""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

_NAMES = {
    "Batch": "workbench.text.batches",
    "Corpus": "workbench.text.corpus",
    "Identifier": "workbench.text.identification.answers",
    "Pair": "workbench.text.pairs",
    "Pairs": "workbench.text.pairs",
    "by_fasttext": "workbench.text.identification.fasttext",
    "first_tokens": "workbench.text.pairs",
    "languages": "workbench.text.languages",
    "load_corpus": "workbench.text.readers",
    "load_pairs": "workbench.text.pairs",
    "load_prompts": "workbench.text.prompts",
    "load_words": "workbench.text.words",
    "segmenters": "workbench.text.tokens.segment",
    "translation_pairs": "workbench.text.words",
}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)

if TYPE_CHECKING:
    from workbench.text import languages  # noqa: F401
    from workbench.text.batches import Batch  # noqa: F401
    from workbench.text.corpus import Corpus  # noqa: F401
    from workbench.text.identification.answers import Identifier  # noqa: F401
    from workbench.text.identification.fasttext import by_fasttext  # noqa: F401
    from workbench.text.pairs import Pair, Pairs, first_tokens, load_pairs  # noqa: F401
    from workbench.text.prompts import load_prompts  # noqa: F401
    from workbench.text.readers import load_corpus  # noqa: F401
    from workbench.text.tokens.segment import segmenters  # noqa: F401
    from workbench.text.words import load_words, translation_pairs  # noqa: F401
