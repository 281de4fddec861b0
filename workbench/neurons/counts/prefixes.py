"""Prefixes: how many tokens of each text belong to its beginning."""

from workbench.errors import BadCorpus
from workbench.model.model import Model
from workbench.text.chat import Chat
from workbench.text.corpus import Corpus
from workbench.text.tokens.spans import Divider, until

Prefixes = dict[tuple[str, int], int]
"""Language and row of a text to the number of its tokens, from the first on, that belong to its prefix."""


def prefix_tokens(model: Model, corpus: Corpus, prefix: Corpus) -> Prefixes:
    """Divide the tokens of every text where its prefix ends; see `text.spans` for the rule.

    In a chat the texts are answers; the template's tokens before them belong to the prefix.

    Raises:
        BadCorpus: the prefixes do not begin the texts row by row.
    """
    selected = prefix.select(corpus.languages).texts.values()
    starting = dict(zip(corpus.languages, selected, strict=True))
    chat = Chat(model.tokenizer) if corpus.chat else None
    divide = Divider(model.tokenizer)
    counts: Prefixes = {}
    for language, texts in corpus.texts.items():
        starts = starting[language]
        if len(starts) != len(texts):
            raise BadCorpus(f"{len(starts)} prefixes for {len(texts)} texts in {language!r}; each text takes one")
        for row, (start, text) in enumerate(zip(starts, texts, strict=True)):
            if not text.startswith(start):
                raise BadCorpus(f"prefix {row} in {language!r} does not begin its text: {start[:40]!r}")
            if chat is None:
                counts[language, row] = divide(text, len(start))[1]
            else:
                counts[language, row] = _of_answer(chat, text, len(start), corpus.user.get(language, ""), row, language)
    return counts


def _of_answer(chat: Chat, text: str, border: int, user: str, row: int, language: str) -> int:
    """Tokens before a border in an answer, which the template may have stripped."""
    rendered = chat.answer(text, user, f"text {row} in {language!r}")
    stripped = text.index(rendered.text[rendered.start : rendered.end])
    _, characters, _ = chat.tokens(rendered)
    return until(characters, min(rendered.start + max(0, border - stripped), rendered.end))
