"""Search: the exact top heads of every language, without the whole sweep."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from einops import rearrange

from workbench.arguments import checked, finite, whole_number
from workbench.heads.finished_languages import in_words
from workbench.heads.groups import AXES
from workbench.heads.scores.measure import clean_losses, run_cells
from workbench.heads.scores.racing import Race, race
from workbench.model.batching import by_length, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.record import record
from workbench.model.gradients import head_gradient
from workbench.model.model import Model
from workbench.results.make import make_result
from workbench.results.resuming.progress import resumed
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch, Encoded
from workbench.text.corpus import Corpus


@checked
@alone
def search(
    model: Model,
    corpus: Corpus,
    *,
    top: int = 20,
    confidence: float = 0.99,
    first: int = 8,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """The heads whose removal costs each language most, as `ablate(how="zero")` ranks them, for a part of its cells.

    Heads are raced over growing random samples of the texts, in the order of LAHIS, and each is measured no further
    once its interval decides (`heads.scores.racing`). One backward pass over all texts gives the slope g of each text's
    loss in each head; -g guesses what removing the head does, and the race measures how far the guess is off, which
    takes fewer texts where the guess is good and is as right where it is not.

    With probability `confidence` all intervals are right, and then the sets of all languages are those of the full
    sweep. That holds (`heads.scores.catoni`) if the texts on which a head was not measured vary no more than is
    assumed. A change of the loss has no known bound, so its variance is estimated, from the head's own texts and from
    heads whose slopes are as large: the confidence is approximate. In 200 planted runs each with normal, skewed and
    misguided changes no more sets and intervals were wrong than it allows; a head that matters for a few rare texts
    only may still be missed: raise `first`. Heads measured on all texts are exact. All this is about these texts, not
    about others of the language: see `ablate` for that.

    The saving depends on how close the heads are where the set ends. Of the shipped model's 48 heads and 120 texts of
    each language it measures about 0.17 of the cells for `top=3`, 0.2 for 5, 0.25 for 10, 0.36 for 20 (German,
    Japanese, Arabic, English; 25 orders of the texts each). All 400 sets were those of the full sweep; in 3 of the 400
    races one head's interval missed, which is more than is allowed.

    Args:
        model: the model.
        corpus: texts by language.
        top: heads to find for each language, below the number of all heads.
        confidence: above 0, below 1.
        first: texts of the first stage; each further stage has three tenths more.
        progress: show a progress bar; it ends early where the search does.

    Returns:
        `member[language, layer, head]` bool, the top heads; in nats `mean`, the change of the loss without the head
        over all texts, estimated where not all were measured, and `low`, `high`, its interval; `texts`, how many
        were measured (a text that is given again is measured once and counts as often). Attributes `spent`, the share
        of (head, text) cells that were measured, and `confidence`.
        What `knockout` takes as groups.

    Raises:
        BadArgument: an option out of range.
        UnsupportedSite: edits of head outputs do not work in this architecture.
        NotFinite: a loss or gradient is NaN or infinite.
        TooLarge: a text exceeds the context and `truncate` is off.
        Interrupted: Ctrl-C; `partial` holds the languages that were finished, NaN and no members elsewhere.

    Source:
        Order: LAHIS, arXiv 2511.07498. Races: Maron and Moore 1994, see `heads.scores.racing`. Intervals: see
            `heads.scores.catoni`.

    Example:
        >>> result = wb.heads.search(model, corpus, top=10)                                      # doctest: +SKIP
        >>> wb.heads.knockout(model, corpus, result)                                             # doctest: +SKIP
    """
    heads = model.n_layers * model.n_heads
    whole_number("top", top, at_least=1, at_most=heads - 1, why=f"{model.name!r} has {heads} heads")
    finite("confidence", confidence, above=0, below=1)
    whole_number("first", first, at_least=2, why="an interval takes at least 2 texts")
    size = texts_per_batch(batch_size)
    model.require("head")
    encoded = model.encode(corpus, truncate=truncate)
    races: dict[str, Race] = {}
    distinct = {code: int(own.max()) + 1 for code, own in zip(corpus.languages, corpus.clusters, strict=True)}
    stopped = partial(in_words, corpus.languages, lambda: [code in races for code in corpus.languages])
    with Stoppable("search", sum(distinct.values()) * heads, "cell", stopped, progress=progress) as loop:
        for language, own in zip(corpus.languages, corpus.clusters, strict=True):
            units = _shuffled([text for text in encoded if text.language == language], own, language, seed)
            risk = (1 - confidence) / len(corpus.languages)
            races[language] = _Language(model, units, size, loop.bar.update).race(top=top, risk=risk, first=first)
    measured = sum(int(outcome.seen.sum()) for outcome in races.values())
    whole = sum(heads * count for language, count in distinct.items() if language in races)
    result = make_result(
        _variables(races, corpus, (model.n_layers, model.n_heads), confidence),
        {"language": list(corpus.languages)},
        method="heads.search",
        owners={"mean": ["low", "high"]},
        parameters={"top": top, "confidence": confidence, "first": first, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"spent": measured / whole if whole else float("nan"), "confidence": confidence},
    )
    return loop.result(result)


_Unit = list[tuple[Encoded, float]]  # a distinct text: its forms, and the weight of each in the mean over all texts


def _shuffled(texts: list[Encoded], clusters: np.ndarray, language: str, seed: int) -> list[_Unit]:
    """The distinct texts of a language in random order, which depends on the seed and the texts, not on their order.

    A repeated text is run once and counts as often as it is given.
    """
    forms: dict[int, dict[tuple[int, ...], list[Encoded]]] = {}
    for text in texts:
        forms.setdefault(int(clusters[text.row]), {}).setdefault(tuple(text.ids), []).append(text)
    share = len(forms) / len(texts)
    units = [[(same[0], len(same) * share) for _, same in sorted(unit.items())] for unit in forms.values()]
    ordered = sorted(units, key=lambda unit: unit[0][0].ids)
    return [ordered[i] for i in np.random.default_rng([seed, zlib.crc32(language.encode())]).permutation(len(ordered))]


@dataclass(frozen=True)
class _Language:
    """The texts of one language, on which all heads, numbered through all layers, are raced."""

    model: Model
    units: list[_Unit]
    size: int
    step: Callable[[int], object]

    def race(self, *, top: int, risk: float, first: int) -> Race:
        """Race the heads, most important by LAHIS first."""
        slopes = self._slopes()
        order = np.argsort(-np.maximum(-slopes, 0).mean(1), kind="stable")
        how = {"top": top, "risk": risk, "first": first, "order": order}
        return race(self._changes, len(slopes), len(self.units), guess=-slopes, **how)

    def _slopes(self) -> np.ndarray:
        """The slope of each text's loss in each head's mask: [head, text]."""

        def slopes(batch: Batch) -> np.ndarray:
            gradient = head_gradient(self.model, batch)[0].double().cpu().numpy()
            return rearrange(gradient, "text layer head -> (layer head) text")

        return self._filled(np.zeros((self.model.n_layers * self.model.n_heads, len(self.units))), self.units, slopes)

    def _changes(self, heads: np.ndarray, start: int, stop: int) -> np.ndarray:
        """What removing these heads changes on texts from start to stop: [head, text] nats."""
        scales = np.ones((len(heads), self.model.n_layers, self.model.n_heads))
        scales.reshape(len(heads), -1)[np.arange(len(heads)), heads] = 0

        def changes(batch: Batch) -> np.ndarray:
            recording = record(self.model, batch, heads=True)
            return run_cells(recording, scales) - clean_losses(recording)

        changed = self._filled(np.zeros((len(heads), stop - start)), self.units[start:stop], changes)
        self.step(changed.size)
        return changed

    def _filled(self, totals: np.ndarray, units: list[_Unit], measure: Callable[[Batch], np.ndarray]) -> np.ndarray:
        """Totals [head, unit], once what is measured of each form, [head, form of a batch], is added by its weight."""
        texts = [text for unit in units for text, _ in unit]
        place = {text.row: (place, share) for place, unit in enumerate(units) for text, share in unit}
        for batch in resumed(list(by_length(self.model, texts, batch_size=self.size)), {"found": totals}):
            for row, column in zip(batch.rows, measure(batch).T, strict=True):
                unit, share = place[row]
                totals[:, unit] += column * share
        return totals


def _variables(races: dict[str, Race], corpus: Corpus, shape: tuple[int, int], confidence: float) -> dict:
    """The Result's variables; NaN for languages that are not finished."""
    estimates = np.full((3, len(corpus.languages), *shape), np.nan)
    member, seen = np.zeros(estimates.shape[1:], bool), np.zeros(estimates.shape[1:], np.int64)
    for language, outcome in races.items():
        k = corpus.languages.index(language)
        estimates[:, k] = np.stack([outcome.mean, outcome.low, outcome.high]).reshape(3, *shape)
        member[k], seen[k] = outcome.member.reshape(shape), outcome.seen.reshape(shape)
    ends = f"end of its interval; all hold together with confidence {confidence:g} [nats]"
    return {
        "member": (AXES, member, "whether removing the head costs this language most"),
        "mean": (AXES, estimates[0], "change of the loss without the head [nats]"),
        "low": (AXES, estimates[1], f"lower {ends}"),
        "high": (AXES, estimates[2], f"upper {ends}"),
        "texts": (AXES, seen, "distinct texts on which the head was measured"),
    }
