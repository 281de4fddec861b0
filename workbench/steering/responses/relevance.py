"""Relevance of responses without a judge: does the unsteered model expect a response after its own prompt?"""

from collections.abc import Sequence

import numpy as np

from workbench.errors import BadCorpus, TooLarge
from workbench.evaluation.scoring.encode import Option
from workbench.evaluation.scoring.shared import log_probabilities
from workbench.model.batching import texts_per_batch
from workbench.model.model import Model
from workbench.text.batches import check_ids
from workbench.text.corpus import Corpus

_RUN = 5  # characters


def own_prompt_first(
    model: Model,
    prompts: Sequence[str],
    responses: Sequence[str],
    languages: Sequence[str],
    *,
    others: int,
    batch_size: int | str,
    progress: bool,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each response is more probable after its own prompt than after each of some other prompts.

    Probable: the mean log-probability of the response's tokens (encoded alone, so that they are the same after every
    prompt) in the model as it is. Equal is not more; a response without a token is not relevant.

    Args:
        model: the model without edits.
        prompts: the prompt of each response.
        responses: what was written.
        languages: of the prompts; the others are of the same language.
        others: prompts to compare with, drawn once for each prompt; all others where there are fewer.
        batch_size: of the scoring.
        progress: show a progress bar.
        seed: of the draws.

    Returns:
        [response] bool, and the chance of it for a response that no prompt suits, [response].

    Raises:
        BadCorpus: a language has one prompt only, or a response has a token that the model lacks.
        TooLarge: a prompt leaves no room for a response.
    """
    drawn = _drawn(prompts, languages, others, seed)
    texts = list(dict.fromkeys(prompts))
    contexts = {
        text: tuple(encoded.opening().ids)
        for text, encoded in zip(
            texts, model.encode(Corpus({"": tuple(texts)}, aligned=False, source="prompts")), strict=True
        )
    }
    options, owner = [], []
    for number, (prompt, language, response) in enumerate(zip(prompts, languages, responses, strict=True)):
        tail = tuple(model.tokenizer.encode(response, add_special_tokens=False)) if response.strip() else ()
        check_ids(model.tokenizer, tail, model.n_embedded, f"response {number}")
        for place, text in enumerate((prompt, *drawn[language, prompt]) if tail else ()):
            if len(contexts[text]) + len(tail) > model.n_context:
                raise TooLarge(f"a response of {len(tail)} tokens does not fit after the prompt {text[:40]!r}")
            options.append(Option((0, number, place), contexts[text], tail))
            owner.append(number)
    relevant = np.zeros(len(prompts), dtype=bool)
    if options:
        size = texts_per_batch(batch_size)
        scores = log_probabilities(model, options, batch_size=size, progress=progress, label="relevance")
        starts = np.flatnonzero([option.place[2] == 0 for option in options])
        for own, rest in zip(starts, np.split(scores, starts[1:]), strict=True):
            relevant[owner[own]] = rest[0] > rest[1:].max()
    chance = [1 / (1 + len(drawn[pair])) for pair in zip(languages, prompts, strict=True)]
    return relevant, np.array(chance)


def _drawn(
    prompts: Sequence[str], languages: Sequence[str], others: int, seed: int
) -> dict[tuple[str, str], tuple[str, ...]]:
    """The other prompts that each (language, prompt) is compared with."""
    drawn = {}
    for language in dict.fromkeys(languages):
        own = list(dict.fromkeys(text for text, code in zip(prompts, languages, strict=True) if code == language))
        if len(own) < 2:
            raise BadCorpus(
                f"one prompt {f'in {language!r} ' if language else ''}has no other to compare with; give two"
            )
        for number, prompt in enumerate(own):
            rest = own[:number] + own[number + 1 :]
            places = np.random.default_rng([seed, number]).permutation(len(rest))[:others]
            drawn[language, prompt] = tuple(rest[place] for place in places)
    return drawn


def copied(prompt: str, response: str) -> bool:
    """Whether a response repeats its prompt: half of its runs of five characters or more occur in the prompt.

    Case and white space do not count; distinct runs do. Of a shorter response, whether all of it occurs.
    """
    prompt, response = (" ".join(text.casefold().split()) for text in (prompt, response))
    runs = {response[i : i + _RUN] for i in range(len(response) - _RUN + 1)} or {response} - {""}
    return bool(runs) and 2 * sum(run in prompt for run in runs) >= len(runs)
