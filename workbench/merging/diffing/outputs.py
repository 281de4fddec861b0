"""Outputs: how far apart the next-token distributions of two models are in each language, and where most."""

from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.errors import NotFinite
from workbench.merging.diffing.same import both_alone, require_same_tokens
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.metrics import next_tokens, unembed
from workbench.model.model import Model
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.results.statistics import corrected, interval, mean_of_known, p_value
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

_BUDGET = 2**24  # logits of each model in memory at once: 128 MB in float64
_CONTEXT = 8  # tokens shown before the one that is predicted
_EXAMPLES = 5  # tokens shown of each language
_MEASURES: tuple[str, ...] = ("kl", "reverse_kl", "nll_before", "nll_after", "other_choice")
_WORDS = {
    "kl": "Kullback-Leibler divergence of the model after from that before [nats]",
    "reverse_kl": "Kullback-Leibler divergence of the model before from that after [nats]",
    "nll_before": "mean negative log-likelihood before [nats]",
    "nll_after": "mean negative log-likelihood after [nats]",
    "other_choice": "share of the tokens before which the likeliest next token is another one",
    "nll_change": "change of the negative log-likelihood [nats]",
}


def outputs(
    before: Model,
    after: Model,
    corpus: Corpus,
    *,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Compare the next-token distributions p before and q after, exactly, at every token that is predicted.

    A text's number is the mean over its tokens, a language's the mean over its texts, as the losses elsewhere.

    Returns:
        Per language, each with its interval over texts: `kl` = sum q log(q / p), `reverse_kl` = sum p log(p / q), in
        nats a token; `nll_change`, with the corrected `nll_change_p_value` that it is 0; `other_choice`. Further
        `nll_before`, `nll_after`, the number of `predicted` tokens, and each text's `sample_kl[language, sample]` and
        `sample_nll_change`, NaN where a language has fewer texts. The tokens with the largest divergence:
        `token_kl[language, rank]`, `context` before them, the token that follows in the text (`next`), and the
        likeliest ones, `choice_before` and `choice_after`.

    Raises:
        BadArgument: the models have different tokenizers.
        NotFinite: a distribution has a NaN.
        Interrupted: `partial` holds the texts that were read.
    """
    require_same_tokens(before, after)
    size = texts_per_batch(batch_size)
    totals = _Totals(corpus)
    steps = partial(streamed, before, corpus, batch_size=size, truncate=truncate)
    with (
        both_alone(before, after),
        Stoppable("outputs of both models", len(corpus), "text", totals.finished, progress=progress) as loop,
    ):
        for batch in loop.steps(steps, totals.state()):
            totals.add(batch, *compare_tokens(before, after, batch))
    result = make_result(
        {**totals.measures(level, seed), **totals.largest(after.tokenizer)},
        {"language": list(corpus.languages)},
        method="merging.side_by_side",
        parameters={"part": "outputs", "before": before.info, "level": level, "batch_size": size, "truncate": truncate},
        model=after.info,
        corpus=corpus.info,
        seed=seed,
    )
    return loop.result(result)


@torch.no_grad()
def compare_tokens(before: Model, after: Model, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both models' distributions of a batch, token by token.

    Returns:
        The measures [measure, token] in the order of `_MEASURES`; the likeliest next tokens before and after,
        [2, token]; and where the tokens are: [2, token], sample and position of what is predicted.
    """
    targets, real = next_tokens(batch)
    wanted = targets[real]
    hidden = [model.states(batch.to(model.device))[:, :-1][real.to(model.device)] for model in (before, after)]
    rows = max(1, _BUDGET // before.n_vocabulary)
    measures, choices = [], []
    for old_states, new_states, following in zip(*(part.split(rows) for part in (*hidden, wanted)), strict=True):
        new = unembed(after, new_states).double().log_softmax(-1)
        old = unembed(before, old_states).double().log_softmax(-1).to(new.device)
        gap, following = new - old, following.to(new.device)[:, None]
        chosen = torch.stack([old.argmax(-1), new.argmax(-1)])
        values = [
            (new.exp() * gap).sum(-1),
            -(old.exp() * gap).sum(-1),
            -old.gather(1, following)[:, 0],
            -new.gather(1, following)[:, 0],
            chosen[0] != chosen[1],
        ]
        measures.append(torch.stack([value.double() for value in values]).cpu())
        choices.append(chosen.cpu())
    values = torch.cat(measures, 1).numpy()
    sample, position = real.cpu().nonzero().T.numpy()
    if not np.isfinite(values).all():
        at = int(sample[~np.isfinite(values).all(0)][0])
        raise NotFinite(f"an output is NaN or infinite for text {batch.rows[at]} of {batch.languages[at]!r}")
    return values, torch.cat(choices, 1).numpy(), np.stack([sample, position + 1])


class _Totals:
    """Means of each text, and the tokens with the largest divergence of each language."""

    def __init__(self, corpus: Corpus):
        self.corpus, self.place = corpus, {language: i for i, language in enumerate(corpus.languages)}
        shape = (len(self.place), max(corpus.counts.values()))
        self.values = np.full((len(_MEASURES), *shape), np.nan)
        self.tokens = np.zeros(shape, dtype=np.int64)
        self.peaks = np.full((shape[0], _EXAMPLES), np.nan)
        self.ids = np.full((shape[0], _EXAMPLES, _CONTEXT + 3), -1)  # the context, the next token, and both choices

    def add(self, batch: Batch, values: np.ndarray, choices: np.ndarray, at: np.ndarray) -> None:
        """Add what `compare_tokens` returned."""
        ids, mask = batch.ids.cpu().numpy(), batch.mask.cpu().numpy()
        for sample, (language, row) in enumerate(zip(batch.languages, batch.rows, strict=True)):
            k, own = self.place[language], at[0] == sample
            self.values[:, k, row], self.tokens[k, row] = values[:, own].mean(1), own.sum()
            for token in np.flatnonzero(own)[np.argsort(-values[0, own], kind="stable")[:_EXAMPLES]]:
                position = at[1, token]
                context = ids[sample, max(0, position - _CONTEXT) : position]
                context = context[mask[sample, max(0, position - _CONTEXT) : position] > 0]
                shown = np.full(_CONTEXT + 3, -1)
                shown[_CONTEXT - len(context) : _CONTEXT] = context
                shown[_CONTEXT:] = ids[sample, position], *choices[:, token]
                self._insert(k, values[0, token], shown)

    def _insert(self, k: int, peak: float, shown: np.ndarray) -> None:
        """Put a token among the largest of its language, before smaller ones."""
        rank = int((self.peaks[k] >= peak).sum())
        if rank < _EXAMPLES:
            self.peaks[k, rank + 1 :], self.ids[k, rank + 1 :] = (
                self.peaks[k, rank:-1].copy(),
                self.ids[k, rank:-1].copy(),
            )
            self.peaks[k, rank], self.ids[k, rank] = peak, shown

    def state(self) -> dict[str, Any]:
        """What batches change."""
        return {"values": self.values, "tokens": self.tokens, "peaks": self.peaks, "ids": self.ids}

    def finished(self) -> str:
        """How many texts were read, in words."""
        return f"interrupted: {int((self.tokens > 0).sum())} of {len(self.corpus)} texts were read; NaN elsewhere"

    def measures(self, level: float, seed: int) -> Variables:
        """Means over texts with their intervals."""
        samples: dict[str, np.ndarray] = dict(zip(_MEASURES, self.values, strict=True))
        samples["nll_change"] = samples["nll_after"] - samples["nll_before"]
        variables: Variables = {"predicted": (("language",), self.tokens.sum(1), "tokens that are predicted [tokens]")}
        clusters = self.corpus.clusters
        for name, values in samples.items():
            variables[name] = (("language",), mean_of_known(values, 1), _WORDS[name])
            bounds = interval(values, axis=1, level=level, seed=seed, clusters=clusters)
            of = f"{name.replace('_', ' ')} over texts" + ("" if name == "other_choice" else " [nats]")
            variables |= interval_ends(("language",), bounds, of, level=level, name=name)
        p = corrected(p_value(samples["nll_change"], axis=1, clusters=clusters))
        variables["nll_change_p_value"] = (("language",), p, "p-value that the change of the loss is 0, corrected")
        for name in ("kl", "nll_change"):
            words = _WORDS[name].replace(" [nats]", " in each text [nats]")
            variables[f"sample_{name}"] = (("language", "sample"), samples[name], words)
        return variables

    def largest(self, tokenizer: Any) -> Variables:
        """The tokens with the largest divergence, and the text before them."""
        axes = ("language", "rank")
        parts = {
            "context": (slice(0, _CONTEXT), "text before the token"),
            "next": (slice(_CONTEXT, _CONTEXT + 1), "token that follows in the text"),
            "choice_before": (slice(_CONTEXT + 1, _CONTEXT + 2), "likeliest next token before"),
            "choice_after": (slice(_CONTEXT + 2, None), "likeliest next token after"),
        }
        variables: Variables = {"token_kl": (axes, self.peaks, "largest divergences of single tokens [nats]")}
        for name, (part, words) in parts.items():
            texts = np.empty(self.peaks.shape, dtype=object)
            for at in np.ndindex(*texts.shape):
                ids = self.ids[at][part]
                texts[at] = tokenizer.decode(ids[ids >= 0].tolist())
            variables[name] = (axes, texts, words)
        return variables
