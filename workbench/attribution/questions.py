"""Questions: prompts with the answer and the foil that are read after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import BadArgument, BadPairs, TooLarge
from workbench.model.model import Model
from workbench.text.batches import Encoded, check_ids
from workbench.text.clusters import numbered
from workbench.text.corpus import Corpus
from workbench.text.display.naming import shortened
from workbench.text.pairs import Pairs
from workbench.text.tokens.following import token_after, token_alone
from workbench.text.tokens.spans import Divider


@dataclass(frozen=True)
class Questions:
    """Prompts, and the tokens between which the model chooses after each."""

    encoded: list[Encoded]  # `language` is "" where there are no languages
    prompts: tuple[str, ...]  # their texts
    tokens: np.ndarray  # answer and foil, [prompt, 2]; -1 where the model's own first and second choice is meant
    info: dict[str, Any]  # what provenance records

    @property
    def languages(self) -> list[str]:
        """Of the prompts, in order; none where they have none."""
        return [code for code in dict.fromkeys(text.language for text in self.encoded) if code]

    @property
    def clusters(self) -> np.ndarray:
        """Which prompts are one piece of evidence, [prompt]."""
        return numbered(zip(self.prompts, self.tokens[:, 0].tolist(), strict=True))


Prompts = str | Sequence[str] | Corpus | Pairs | Mapping[str, Pairs]


def questions(model: Model, given: Prompts, answer: str | None, foil: str | None) -> Questions:
    """Read prompts and words.

    Raises:
        BadArgument: words beside pairs, which have their own, a foil without an answer, or words of no token.
        BadPairs: answer and foil begin with the same token, or the pairs are of a chat.
        TooLarge: a prompt is longer than the model's context.
    """
    if isinstance(given, Pairs | Mapping):
        if answer is not None or foil is not None:
            raise BadArgument("pairs have answers and foils of their own; leave answer and foil out")
        return _of_pairs(model, {"": given} if isinstance(given, Pairs) else given)
    if foil is not None and answer is None:
        raise BadArgument(f"foil={foil!r} without an answer; give both, an answer alone, or neither")
    texts = (given,) if isinstance(given, str) else given
    corpus = texts if isinstance(texts, Corpus) else Corpus({"": tuple(texts)}, aligned=False, source="prompts")
    encoded = [text.opening() for text in model.encode(corpus)]
    prompts = tuple(corpus.texts[text.language][text.row] for text in encoded)
    words = [(answer, foil)] * len(encoded)
    return Questions(encoded, prompts, _tokens(model, encoded, prompts, words), corpus.info)


def _of_pairs(model: Model, pairs: Mapping[str, Pairs]) -> Questions:
    """Each pair's source prompt, which a model should continue with the answer."""
    if not pairs:
        raise BadArgument("there are no pairs; give some for one language or more")
    if any(some.chat for some in pairs.values()):
        raise BadPairs("these pairs are of a chat; direct attribution reads plain prompts")
    texts = {code: tuple(pair.source for pair in some) for code, some in pairs.items()}
    encoded = model.encode(Corpus(texts, aligned=False, source="pairs"))
    prompts = tuple(text for some in texts.values() for text in some)
    words = [(pair.answer, pair.foil) for some in pairs.values() for pair in some]
    infos = {code: some.info for code, some in pairs.items()}
    source = shortened([some.name for some in pairs.values()])
    info = {"source": source, "pairs": infos} if len(infos) > 1 else next(iter(infos.values()))
    return Questions(encoded, prompts, _tokens(model, encoded, prompts, words), info)


def _tokens(
    model: Model, encoded: Sequence[Encoded], prompts: Sequence[str], words: Sequence[tuple[str | None, str | None]]
) -> np.ndarray:
    """First tokens of answers and foils as they follow their prompts, [prompt, 2]; -1 where there is no word."""
    divide = Divider(model.tokenizer)
    tokens = np.full((len(prompts), 2), -1)
    for row, (text, prompt, both) in enumerate(zip(encoded, prompts, words, strict=True)):
        if len(text.ids) > model.n_context:
            raise TooLarge(f"prompt {row} has {len(text.ids)} tokens, the model takes {model.n_context}; shorten it")
        for column, word in enumerate(both):
            if word is not None:
                tokens[row, column] = _following(model, divide, text.ids, prompt, word)
        if tokens[row, 0] == tokens[row, 1] >= 0:
            raise BadPairs(
                f"prompt {row}: answer {both[0]!r} and foil {both[1]!r} both begin with the token "
                f"{model.tokenizer.decode([tokens[row, 0]])!r}; their first tokens must differ"
            )
    check_ids(model.tokenizer, tokens.ravel().tolist(), model.n_vocabulary, "an answer or foil", BadPairs)
    return tokens


def _following(model: Model, divide: Divider, ids: list[int], prompt: str, word: str) -> int:
    """First token of a word after its prompt; of the word by itself where that is only a space.

    Patching does not pass over such a space: it refuses answer and foil that both begin with it.
    """
    token = token_after(ids, divide.read(model.tokenizer(prompt + word, verbose=False)["input_ids"]))
    if token is None or not model.tokenizer.decode([token]).strip():
        token = token_alone(model.tokenizer, word)
    if token is None:
        raise BadArgument(f"{word!r} has no token that is more than a space; answers and foils are words")
    return token
