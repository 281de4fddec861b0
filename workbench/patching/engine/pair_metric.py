"""Which tokens a patching metric reads: the answer's and the foil's first, as they would follow the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import BadArgument, BadPairs, warn
from workbench.model.metrics import Metric, answer_probability, logit_difference, nll
from workbench.model.model import Model
from workbench.patching.engine.prompts import Prompts, label
from workbench.text.batches import check_ids
from workbench.text.chat import Chat, Rendered
from workbench.text.pairs import first_tokens
from workbench.text.tokens.following import token_after, token_alone
from workbench.text.tokens.spans import Divider

NAMES = ("logit_difference", "answer_probability", "nll")


@dataclass(frozen=True)
class PairMetric:
    """A metric of some pairs.

    Attributes:
        metric: the Metric; pairs are the rows of its batches.
        tokens: the token ids that are read, by pair, for the provenance.
    """

    metric: Metric
    tokens: dict[str, Any] = field(default_factory=dict)


def metric_for_pairs(model: Model, prompts: Prompts, metric: str | Metric) -> PairMetric:
    """Prepare a metric for these pairs.

    Args:
        model: the model.
        prompts: the pairs.
        metric: `logit_difference` (answer - foil, first tokens), `answer_probability` (summed over the answer's
            distinct first tokens with and without a leading space), `nll` (of the prompt itself, in a chat without the
            template's tokens), or a Metric, which has the numbers of the pairs in `batch.rows`.

    Raises:
        BadArgument: no such metric.
        BadPairs: answer and foil begin with the same token.
    """
    if isinstance(metric, Metric):
        return PairMetric(metric)
    if metric == "nll":
        return PairMetric(nll)
    if metric not in NAMES:
        raise BadArgument(f"metric={metric!r} is not a metric (has: {', '.join(NAMES)}, or a Metric)")
    words = [[pair.answer for pair in prompts.pairs], [pair.foil for pair in prompts.pairs]]
    if metric == "logit_difference":
        answers, foils = (following(model, prompts, side) for side in words)
        _check(model, prompts, [[token] for token in answers], [[token] for token in foils])
        return PairMetric(logit_difference(answers, foils), {"answer": answers, "foil": foils})
    beginnings, others = (_begins(model, prompts, side) for side in words)
    _check(model, prompts, beginnings, others)
    return PairMetric(answer_probability(beginnings), {"answer": beginnings, "foil": others})


def following(model: Model, prompts: Prompts, words: Sequence[str]) -> list[int]:
    """The first token of each word as it would follow the prompts of its pair.

    Tokenized together with the target prompt where that leaves the prompt's tokens unchanged; else the word by itself.
    Prompts whose last space the tokenizer gives to the word are counted in a warning: texts are not tokenized that way.
    """
    tokens, joined = [], 0
    for row, (ids, word, prompt) in enumerate(
        zip(_together(model, prompts, words), words, prompts.target, strict=True)
    ):
        token = token_after(prompt, ids)
        if token is None:
            token = token_alone(model.tokenizer, word)
            joined += prompts.pairs[row].target[-1:].isspace() and not prompts.pairs.chat
        if token is None:
            raise BadPairs(f"the answer {word!r} has no token that is more than a space; answers are words")
        tokens.append(token)
    if joined:
        warn(
            f"{joined} of {len(prompts)} prompts end in a space that the tokenizer joins to the word after it; end the "
            "prompts without it and begin answers and foils with it, else both are tokenized as in no text"
        )
    return tokens


def _together(model: Model, prompts: Prompts, words: Sequence[str]) -> list[list[int]]:
    """Token ids of each target prompt with its word after it, in a chat where the template puts an answer."""
    pairs = list(zip(prompts.pairs, words, strict=True))
    if prompts.pairs.chat:
        chat = Chat(model.tokenizer)
        texts = [
            chat.with_answer(pair.target, word, label(prompts.pairs, row)) for row, (pair, word) in enumerate(pairs)
        ]
        return [chat.tokens(Rendered(text, 0, len(text)))[0] for text in texts]
    texts = [pair.target + word for pair, word in pairs]
    ids = model.tokenizer(texts, add_special_tokens=True, truncation=False, padding=False, verbose=False)["input_ids"]
    divide = Divider(model.tokenizer)
    return [divide.read(text_ids) for text_ids in ids]


def _begins(model: Model, prompts: Prompts, words: Sequence[str]) -> list[list[int]]:
    """All distinct tokens with which each word can begin after its prompt."""
    beginnings = []
    for token, word in zip(following(model, prompts, words), words, strict=True):
        tokens = set(first_tokens(model.tokenizer, word.strip()))
        if model.tokenizer.decode([token]).strip():
            tokens.add(token)
        beginnings.append(sorted(tokens))
    return beginnings


def _check(model: Model, prompts: Prompts, answers: list[list[int]], foils: list[list[int]]) -> None:
    """Refuse tokens that the model does not have, and pairs whose answer and foil can begin with the same token."""
    every = [token for tokens in (*answers, *foils) for token in tokens]
    check_ids(model.tokenizer, every, model.n_embedded, "an answer or foil", BadPairs)
    for row, (answer, foil) in enumerate(zip(answers, foils, strict=True)):
        if shared := set(answer) & set(foil):
            token, pair = min(shared), prompts.pairs[row]
            raise BadPairs(
                f"{label(prompts.pairs, row)}: answer {pair.answer!r} and foil {pair.foil!r} both begin with the token "
                f"{model.tokenizer.decode([token])!r} ({token}); their first tokens must differ (translation_pairs "
                "with tokenizer= drops such pairs)"
            )
