"""Generation: in which language the model continues when a group of neurons is off, against random neurons."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, Interrupted
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.generate import answered, by_row, check_prompt_lengths, generate
from workbench.model.model import Model
from workbench.neurons.groups import random_groups, read_groups
from workbench.results.bootstrap import ends_of_draws
from workbench.results.groups import Groups
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import interval
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import Identifier, batch_identifier

WHOLE_MODEL = "none"  # the group without neurons


# Long: the parameters are the method's own options.
@checked
@alone
def generation_share(
    model: Model,
    prompts: Corpus,
    members: Groups,
    identify: Identifier,
    *,
    controls: int = 3,
    tokens: int = 24,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Let the model continue prompts while each group is switched off, and identify the language of what it writes.

    Decoding is greedy, so only the neurons differ. The first group, "none", is the whole model.

    Args:
        model: the model.
        prompts: beginnings of texts, by language; in a chat the beginnings of the assistant's answers.
        members: groups of neurons, as for `knockout`.
        identify: text to language code, or None where it is in none: `by_trigrams(corpus)`, `by_lingua(codes)`, or your
            own.
        controls: random groups for each group, as many neurons in each layer.
        tokens: most tokens to write.
        truncate: cut prompts that are longer than the model's context; `tokens` more must still fit.

    Returns:
        `share[group, language]`, the share of prompts in a language that the model answers in that language, with
        `low` and `high` (bootstrap over distinct prompts); `control_mean`, `control_low`, `control_high` over random
        groups, NaN for "none"; `answered[group, language, answer]`, the share answered in each language, `answer` "?"
        where the identifier knows none or names another; `unidentified[group, language]`, how many answers are in no
        language that it knows, which never count as a hit; `text[group, language, sample]`, what was written.

    Raises:
        BadArgument: an option out of range, or a group called "none".
        UnsupportedSite: edits of neurons do not work in this architecture.
        TooLarge: a prompt with `tokens` more exceeds the model's context.
        Interrupted: Ctrl-C; there is no partial result.

    Example:
        >>> shares = generation_share(model, prompts, lape(counts), by_trigrams(corpus))          # doctest: +SKIP
        >>> wb.figures.matrix(shares, "share")                                                   # doctest: +SKIP
    """
    whole_number("controls", controls)
    whole_number("tokens", tokens, at_least=1)
    size = texts_per_batch(batch_size)
    model.require("neuron")
    groups = {WHOLE_MODEL: np.zeros((model.n_layers, model.n_neurons), dtype=bool)}
    for name, mask in read_groups(members, model.n_layers, model.n_neurons).items():
        if name == WHOLE_MODEL:
            raise BadArgument(f"{WHOLE_MODEL!r} is the whole model; give the group another name")
        groups[name] = mask
    encoded = [text.opening() for text in model.encode(prompts, truncate=truncate)]
    check_prompt_lengths(model, encoded, tokens)
    languages = list(prompts.languages)
    answers = [*languages, "?"]
    hit = np.full((len(groups), 1 + controls, len(languages), max(prompts.counts.values())), np.nan)
    written, codes, none = [], [], []
    state = {"hit": hit, "written": written, "codes": codes, "none": none}
    runs = _runs(groups, state, controls, seed, progress)
    answers_of = batch_identifier(identify, languages)
    try:
        for group, control, off in runs:
            scales = 1.0 - torch.from_numpy(off).float() if off.any() else None
            texts = generate(model, encoded, tokens=tokens, batch_size=size, neurons=scales)
            answer_codes = answers_of(texts)
            right = [code == text.language for text, code in zip(encoded, answer_codes, strict=True)]
            hit[group, control] = by_row(prompts, encoded, right, np.nan)
            if control == 0:
                written.append(by_row(prompts, encoded, texts, ""))
                codes.append(by_row(prompts, encoded, [code or "?" for code in answer_codes], ""))
                none.append(by_row(prompts, encoded, [code is None for code in answer_codes], np.nan))
    except KeyboardInterrupt:
        raise Interrupted("interrupted; shares need all prompts, so there is no partial result") from None
    return make_result(
        _variables(hit, level=level, seed=seed, clusters=prompts.clusters)
        | {
            "answered": (
                ("group", "language", "answer"),
                np.stack([answered(rows, answers) for rows in codes]),
                "share answered in this language",
            ),
            "unidentified": (
                ("group", "language"),
                np.nansum(none, 2).astype(np.int64),
                "answers in no language that the identifier knows [texts]",
            ),
            "text": (("group", "language", "sample"), np.stack(written), "what the model wrote"),
        },
        {"group": list(groups), "language": languages, "answer": answers},
        method="neurons.generation_share",
        owners={"share": ["low", "high", "control_mean", "control_low", "control_high"]},
        parameters={"controls": controls, "tokens": tokens, "level": level, "truncate": truncate},
        model=model.info,
        corpus=prompts.info,
        seed=seed,
    )


def _runs(
    groups: dict[str, np.ndarray], state: dict[str, Any], controls: int, seed: int, progress: bool
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Every group, control (0 is the group itself) and mask of neurons that are off, past those already in `state`."""
    total = 1 + (len(groups) - 1) * (1 + controls)
    with tqdm(total=total, desc="generation", disable=not progress) as bar:
        for group in resumed(range(len(groups)), state, skip=lambda n: bar.update(1 + controls * (n > 0))):
            name, mask = list(groups.items())[group]
            masks = [mask, *random_groups(name, mask, controls if group else 0, seed=seed)]
            for control in resumed(range(len(masks)), state, skip=lambda _: bar.update()):
                yield group, control, masks[control]
                bar.update()


def _variables(hit: np.ndarray, *, level: float, seed: int, clusters: np.ndarray) -> Variables:
    """Shares of prompts answered in their language, from hits [group, itself and controls, language, sample]."""
    bounds = interval(hit[:, 0], axis=2, level=level, seed=seed, clusters=clusters)
    share = np.nanmean(hit[:, 0], 2)
    random = np.full((3, *share.shape), np.nan)
    if hit.shape[1] > 1:
        drawn = np.nanmean(hit[1:, 1:], 3)  # [group, control, language]
        random[0, 1:] = drawn.mean(1)
        random[1:, 1:] = ends_of_draws(drawn, level, axis=1)
    cells = ("group", "language")
    ends = f"of the central {level:.0%} of the random groups' shares"
    return {
        "share": (cells, share, "share of prompts that are answered in their language"),
        **interval_ends(cells, bounds, "share over prompts", level=level),
        "control_mean": (cells, random[0], "mean share without a random group of the same layers"),
        "control_low": (cells, random[1], f"lower end {ends}"),
        "control_high": (cells, random[2], f"upper end {ends}"),
    }
