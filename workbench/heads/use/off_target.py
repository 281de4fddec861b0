"""Off target: in which language the model continues with some heads scaled, against random heads of the same layers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadArgument, Interrupted, TooFewLanguages, UnknownLanguage
from workbench.heads.groups import chosen_heads, random_groups
from workbench.model.batching import texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.forward.generate import answered, by_row, check_prompt_lengths, generate
from workbench.model.model import Model
from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.batches import Encoded
from workbench.text.clusters import pooled
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import Identifier, batch_identifier
from workbench.text.identification.identify import by_lingua
from workbench.text.languages import check, match, meaning

_CONDITIONS = ("whole", "scaled", "random")
_CELLS = ("condition", "language")


# Long: each setting of the paper's experiment is an option.
@checked
@alone
def off_target(
    model: Model,
    prompts: Corpus,
    heads: Iterable[Sequence[int]],
    *,
    scale: float = 0.0,
    target: str | Mapping[str, str] | None = None,
    identify: Identifier | None = None,
    prompt: int | None = None,
    controls: int = 20,
    tokens: int = 24,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Does scaling some heads make the model answer in the wanted language (arXiv 2511.07498)?

    The paper switches off the heads of the language into which a model slips, and counts the answers in the wanted
    language. Here the model continues each prompt unchanged, with the heads scaled, and with `controls` random sets of
    as many heads in each layer. Decoding is greedy, so only the heads differ.

    Args:
        model: the model.
        prompts: beginnings of texts, by language; in a chat the beginnings of the assistant's answers.
        heads: (layer, head) pairs, such as `top(scores, share=0.02)["en"]`, or a [layer, head] mask.
        scale: what their outputs are multiplied by; 0 switches off.
        target: the language that is wanted: a code, or one for each language of the prompts; each prompt's own if None.
        identify: text to code, or None where it is in none; lingua (the extra `identify`) between the languages of the
            prompts and of the target if None. It should cover the language into which the model slips.
        prompt: keep this many tokens of each text as the prompt; all if None.
        controls: random sets of heads, from 1; where a layer has too few other heads, some of the chosen are used.
        tokens: most tokens to write.

    Returns:
        `share[condition, language]`, the share of a language's prompts that are answered in the target language, for
        the whole model, the scaled heads and random heads (mean), with `low`, `high`, bootstrap over distinct prompts;
        `control_share[control, language]` and its central `level`, `control_low`, `control_high[language]`;
        `beyond[language]`, the share with the heads scaled less that with random heads, with `beyond_low`,
        `beyond_high` and `p_value` (t-test over prompts, corrected); `wanted[language]`, the target;
        `answered[condition, language, answer]`, the share answered in each language ("?": in none of these);
        `unidentified[condition, language]`, how many answers are in no language that the identifier knows, which no
        share counts as a hit (a mean over the random sets);
        `text[condition, language, sample]`, what was written, both "" or NaN for random. Attributes `beyond`,
        `beyond_low`, `beyond_high`, `beyond_p`: the same over all prompts together, or over the rows of aligned ones.

    Raises:
        BadArgument: an option out of range, no heads, or a head that does not exist.
        UnknownLanguage: a target that is no language, or none for a language of the prompts.
        TooFewLanguages: lingua has only one language to choose from.
        UnsupportedSite: edits of head outputs do not work in this architecture, or lingua is not installed.
        TooLarge: a prompt and `tokens` exceed the context.
        Interrupted: Ctrl-C; without a partial result.

    Source:
        arXiv 2511.07498, section 5 (off-target answers); the random control and the tests are ours.

    Example:
        >>> result = wb.heads.off_target(model, corpus, [(2, 1)], prompt=6)                      # doctest: +SKIP
        >>> wb.figures.matrix(result, "share")                                                   # doctest: +SKIP
    """
    wanted = check_options(prompts, scale=scale, target=target, prompt=prompt, tokens=tokens, controls=controls)
    size = texts_per_batch(batch_size)
    model.require("head")
    chosen = chosen_heads(heads, model.n_layers, model.n_heads)
    known = list(dict.fromkeys([*prompts.languages, *wanted.values()]))
    answers_of = batch_identifier(identify or _lingua(known), known)
    encoded = model.encode(prompts, truncate=truncate or prompt is not None)
    encoded = [text.opening(prompt) for text in encoded]
    check_prompt_lengths(model, encoded, tokens)
    masks = [np.zeros_like(chosen), chosen, *random_groups("off-target", chosen, controls, seed=seed)]
    runs = _Runs(prompts, encoded, wanted)
    state = {"written": runs.written, "codes": runs.codes, "hit": runs.hit, "none": runs.none}
    try:
        for run in resumed(tqdm(range(len(masks)), desc="off target", unit="run", disable=not progress), state):
            scales = torch.from_numpy(np.where(masks[run], scale, 1.0))
            texts = generate(model, encoded, tokens=tokens, batch_size=size, heads=scales)
            runs.add(texts, answers_of(texts))
    except KeyboardInterrupt:
        raise Interrupted("interrupted; shares need all prompts, so there is no partial result") from None
    answers = [*known, "?"]
    scaled = {"heads": np.argwhere(chosen).tolist(), "scale": scale}
    writing = {"target": wanted, "prompt": prompt, "controls": controls, "tokens": tokens}
    variables, attrs = _variables(np.stack(runs.hit), prompts, level, seed)
    return make_result(
        {
            **variables,
            "wanted": (("language",), np.array([*wanted.values()]), "language that is wanted"),
            **runs.variables(answers),
        },
        {"condition": list(_CONDITIONS), "language": list(prompts.languages), "answer": answers},
        method="heads.off_target",
        owners={"share": ["low", "high", "control_low", "control_high"], "beyond": ["p_value"]},
        parameters={**scaled, **writing, "level": level, "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=prompts.info,
        seed=seed,
        attrs=attrs,
    )


@dataclass
class _Runs:
    """What was answered in each run: by the whole model, with the heads scaled, then with each random set."""

    prompts: Corpus
    encoded: list[Encoded]
    wanted: dict[str, str]
    written: list[np.ndarray] = field(default_factory=list)  # texts [language, sample] of the first two runs
    codes: list[np.ndarray] = field(default_factory=list)  # their languages, "?" where there is none
    hit: list[np.ndarray] = field(default_factory=list)  # whether each answer is in its target, [language, sample]
    none: list[np.ndarray] = field(default_factory=list)  # answers in no language, [language]

    def add(self, texts: list[str], codes: list[str | None]) -> None:
        """Add a run: the text that follows each prompt, and its language."""
        rows = partial(by_row, self.prompts, self.encoded)
        right = [code == self.wanted[text.language] for text, code in zip(self.encoded, codes, strict=True)]
        self.hit.append(rows(right, np.nan))
        self.none.append(np.nansum(rows([code is None for code in codes], np.nan), 1))
        if len(self.hit) <= 2:
            self.written.append(rows(texts, ""))
            self.codes.append(rows([code or "?" for code in codes], ""))

    def variables(self, answers: list[str]) -> Variables:
        """Texts and their languages for the whole model and the scaled heads, counts of no language for every run."""
        shares = np.stack([answered(codes, answers) for codes in self.codes])
        shares = np.concatenate([shares, np.full_like(shares[:1], np.nan)])
        none = np.stack([*self.none[:2], np.mean(self.none[2:], 0)])
        texts = np.stack([*self.written, np.full_like(self.written[0], "")])
        return {
            "answered": ((*_CELLS, "answer"), shares, "share of prompts answered in this language"),
            "unidentified": (_CELLS, none, "answers in no language that the identifier knows [texts]"),
            "text": ((*_CELLS, "sample"), texts, "what the model wrote"),
        }


def check_options(
    prompts: Corpus,
    *,
    scale: float,
    target: str | Mapping[str, str] | None,
    prompt: int | None,
    tokens: int,
    controls: int,
) -> dict[str, str]:
    """Check what `off_target` takes, as far as no model is needed; returns the wanted language of each prompt's.

    Raises:
        BadArgument: a number out of range.
        UnknownLanguage: a target that is no language, or none for a language of the prompts.
    """
    for name, value in (("controls", controls), ("tokens", tokens), ("prompt", 1 if prompt is None else prompt)):
        whole_number(name, value, at_least=1)
    if finite("scale", scale) == 1:
        raise BadArgument(f"scale={scale!r}; give a finite number other than 1, 0 switches off")
    if target is None:
        return {language: language for language in prompts.languages}
    if isinstance(target, str):
        return dict.fromkeys(prompts.languages, _code(target, prompts))
    named = {language: match(language, list(target)) for language in prompts.languages}
    missing = [language for language, name in named.items() if name is None]
    if missing:
        raise UnknownLanguage(
            f"target names no language for prompts in {', '.join(missing)} (has: {', '.join(target)})"
        )
    return {language: _code(target[name], prompts) for language, name in named.items() if name is not None}


def _code(target: str, prompts: Corpus) -> str:
    """A wanted language as the prompts name it, or in its standard form where they have none of it."""
    code, exact = meaning(target, prompts.languages)
    return code if code is not None and exact else check(target)


def _lingua(codes: list[str]) -> Identifier:
    if len(codes) < 2:
        raise TooFewLanguages(
            f"lingua distinguishes languages and has only {codes[0]!r} here; give prompts of more languages, or "
            "identify=workbench.neurons.by_lingua([...])"
        )
    return by_lingua(codes)


def _variables(hit: np.ndarray, prompts: Corpus, level: float, seed: int) -> tuple[dict, dict[str, float]]:
    """The Result's variables and attributes, from hits [run, language, sample]: whole, scaled, then the controls."""
    random, own = hit[2:].mean(0), prompts.clusters
    values = np.stack([hit[0], hit[1], random])
    beyond = hit[1] - random
    how = {"level": level, "seed": seed}
    of_share = interval(values, axis=2, clusters=own, **how)
    of_beyond = interval(beyond, axis=1, clusters=own, **how)
    # Translations of one text are no independent samples: aligned prompts count by their rows.
    together = np.nanmean(beyond, 0) if prompts.aligned else beyond.ravel()
    rows = pooled(own, aligned=prompts.aligned)
    all_low, all_high = interval(together, clusters=rows, **how)
    control = np.nanmean(hit[2:], 2)
    tails = ends_of_draws(control, level)
    row, between = ("language",), f"end of the central {level:.0%} of the random heads' shares"
    variables = {
        "share": (_CELLS, np.nanmean(values, 2), "share of prompts answered in the wanted language"),
        **interval_ends(_CELLS, of_share, "share over prompts", level=level),
        "control_share": (("control", "language"), control, "share with each set of random heads scaled"),
        "control_low": (row, tails[0], f"lower {between}"),
        "control_high": (row, tails[1], f"upper {between}"),
        "beyond": (row, np.nanmean(beyond, 1), "share with the heads scaled less that with random heads"),
        **interval_ends(row, of_beyond, "beyond over prompts", level=level, name="beyond"),
        "p_value": (row, corrected(p_value(beyond, axis=1, clusters=own)), "p-value that beyond is 0, corrected"),
    }
    attrs = {
        "beyond": float(np.nanmean(beyond)),
        "beyond_low": float(all_low),
        "beyond_high": float(all_high),
        "beyond_p": float(p_value(together, clusters=rows)),
    }
    return variables, attrs
