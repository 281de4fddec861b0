"""Inside: what is looked at inside a model before and after training, and how it is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from workbench.arguments import checked, finite, one_of
from workbench.errors import BadArgument, TooFewLanguages
from workbench.laboratories.inside.compare import compare
from workbench.laboratories.inside.look import PARTS, look
from workbench.neurons.compare import trained_languages
from workbench.text.corpus import Corpus, chosen
from workbench.text.readers import load_corpus
from workbench.text.words import load_words

TEXTS, QUICK = 20, 8  # texts of each language, concepts and pairs of concepts


@dataclass(frozen=True)
class Inside:
    """What to look at inside a model: made by `inside`, used by `run(..., inside=)`.

    Attributes:
        corpus: texts by language; few, the same for every model.
        words: a frame [concept, language].
        source: language whose concepts are patched, and from which words are translated.
        target: language of the run that is patched.
        trained: languages that the recipe trains, or none.
        parts: of neurons, heads, lens, concepts.
        limit: concepts of each translation, and pairs of concepts.
        shots: translations shown before each question.
        level: of the intervals.
        how: progress, batch_size and seed.
    """

    corpus: Corpus
    words: pd.DataFrame
    source: str
    target: str
    trained: tuple[str, ...]
    parts: tuple[str, ...]
    limit: int
    shots: int
    level: float
    how: Mapping[str, Any]

    def look(self, model: Any) -> xr.Dataset:
        """What is inside a model: a state to compare, which can be saved.

        Args:
            model: a Model, or anything with a transformers `module`, which stays as it is, and a `tokenizer`.

        Returns:
            Classes of neurons, heads' slopes text by text, probabilities of words at every state, and after patching.

        Raises:
            UnsupportedSite: the model's heads or neurons cannot be edited, or it cannot be run from a layer on: leave
                that part out of `parts`.
            BadPairs: the first tokens of all words collide: leave `lens` and `concepts` out.
        """
        return look(
            model,
            self.corpus,
            self.words,
            source=self.source,
            target=self.target,
            parts=self.parts,
            limit=self.limit,
            shots=self.shots,
            how=dict(self.how),
        )

    def compare(self, before: xr.Dataset, conditions: Mapping[str, xr.Dataset]) -> xr.Dataset:
        """Compare states of one model before and after training.

        Args:
            before: `look` at the base.
            conditions: name to `look` at what was trained: first the recipe, then its controls.

        Returns:
            A Result on the axes `condition` (before, recipe, controls), `control`, `language`, `class`, `layer` and
            `state` (state i is that before layer i, the last after all layers). Each variable has `_low` and `_high`
            and, where there are controls, `_excess[control, ...]`, recipe minus control, with its own.

            Neurons: `inside_kappa[condition]`, agreement of their classes with those before beyond chance;
            `inside_reclassified[condition, layer]`, share whose class changed; `inside_members[condition, class,
            language]`, how many are a language's own, and `inside_members_change`; with `trained`
            `inside_trained_change[condition, class]` and `inside_untrained_change`, means over languages, and
            `inside_trained_p`. Intervals over neurons.

            Heads: `inside_rank[condition, language]` and `inside_mean_rank[condition]`, rank correlation of their
            importance with that before; `inside_heads_moved[condition, layer]`, change of the importance in shares of
            the layer's, a mean over languages. Intervals over texts.

            Lens: `inside_lens[condition, language, state]`, probability of the language's words where they are wanted,
            and `inside_lens_change`. Concepts: `inside_patched_concept[condition, state]` and
            `inside_patched_language`, probability of the source's concept and of its language after that state of the
            last token was patched, each with `_change`. Intervals over concepts; the excess also with `_p_value`.

            The attribute `finding` says what goes beyond every control.

        Raises:
            BadResult: no condition, or one that was looked at otherwise than the base.
        """
        seed = int(self.how["seed"])
        return compare(before, conditions, trained=self.trained, level=self.level, seed=seed)


# Long: what is read, of which languages, and the options that all analyses share.
@checked
def inside(
    corpus: Corpus | str = "parallel",
    words: pd.DataFrame | str = "words",
    *,
    languages: str | Sequence[str] | None = None,
    source: str | None = None,
    target: str | None = None,
    trained: str | Sequence[str] | None = None,
    parts: Sequence[str] = PARTS,
    limit: int | None = None,
    quick: bool = False,
    shots: int = 5,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> Inside:
    """Choose what to look at inside a model before and after every training.

    Args:
        corpus: texts by language, or what `load_corpus` reads.
        words: frame of `load_words`, or what it reads; only for lens and concepts.
        languages: those of corpus and words to look at; all that both have when None.
        source: language whose concepts are patched, and from which words are translated; the first trained one, or the
            first.
        target: language of the run that is patched; the second trained one, or the next.
        trained: languages that the recipe trains; all are treated alike when None.
        parts: of `neurons`, `heads`, `lens`, `concepts`.
        limit: first texts of each language, and number of concepts; 20 when None.
        quick: 8 in place of 20.
        shots: translations shown before each question.

    Returns:
        An Inside, for `run(..., inside=)`; its `look` and `compare` also work alone.

    Raises:
        UnknownLanguage: a language that corpus or words do not have.
        TooFewLanguages: corpus and words share fewer than two.
        BadArgument: an unknown part, none, all languages trained, or source and target alike.

    Source:
        Classes of neurons, arXiv 2505.21505; LAHIS, arXiv 2511.07498; logit lens by language, arXiv 2402.10588; concept
        patching, arXiv 2411.08745. The comparison with controls is ours.

    Example:
        >>> import workbench as wb
        >>> look = wb.laboratories.inside(trained="de,ja", quick=True)                           # doctest: +SKIP
        >>> base, after = (wb.load_model(name) for name in ("polyglot", "polyglot-aligned"))     # doctest: +SKIP
        >>> look.compare(look.look(base), {"aligned": look.look(after)}).inside_kappa            # doctest: +SKIP
    """
    for part in parts:
        one_of("parts", part, PARTS)
    if not parts:
        raise BadArgument(f"parts names none; give some of {', '.join(PARTS)}")
    finite("level", level, above=0, below=1)
    texts = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    wordy = bool({"lens", "concepts"} & set(parts))
    frame = load_words(words) if wordy else pd.DataFrame()
    both = [code for code in texts.languages if not wordy or code in frame.columns]
    if languages is not None:
        both = chosen(languages, both, where="corpus and words")
    if len(both) < 2:
        raise TooFewLanguages(f"corpus and words share {both or 'no language'}; what is inside needs two languages")
    first = [] if trained_languages(trained, both) is None else chosen(trained or "", both)
    order = list(dict.fromkeys([*first, *both]))
    start = chosen([source], both)[0] if source is not None else next(code for code in order if code != target)
    end = chosen([target], both)[0] if target is not None else next(code for code in order if code != start)
    if start == end:
        raise BadArgument(f"source and target are both {start!r}; give two languages")
    count = limit or (QUICK if quick else TEXTS)
    return Inside(
        texts.select(both).limit(count),
        frame,
        start,
        end,
        tuple(first),
        tuple(dict.fromkeys(parts)),
        count,
        shots,
        level,
        {"progress": progress, "batch_size": batch_size, "seed": seed},
    )
