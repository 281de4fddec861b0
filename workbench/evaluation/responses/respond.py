"""Responses of a model to prompts, with examples before them, and with or without an edit of the model."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadCorpus
from workbench.model.continuations import generate
from workbench.model.model import Model
from workbench.text.corpus import Corpus
from workbench.text.languages import meaning
from workbench.text.prompts import COLUMNS

Examples = Mapping[str, Sequence[Sequence[str]]]
"""Language code to its examples: (question, answer), both in it."""


# Long: its options are those of wb.generate.
@checked
def respond(
    model: Model,
    prompts: pd.DataFrame,
    *,
    tokens: int = 100,
    temperature: float = 0.3,
    top_p: float = 0.75,
    beams: int = 1,
    shots: int = 0,
    examples: Mapping[str, Sequence[Any]] | None = None,
    heads: Sequence[Sequence[int]] | None = None,
    neurons: Sequence[Sequence[int]] | None = None,
    scale: float = 0.0,
    directions: xr.Dataset | None = None,
    positions: Literal["all", "generated"] = "all",
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """Answer each prompt, drawn as the Language Confusion Benchmark draws (temperature 0.3, top_p 0.75, 100 tokens).

    With shots, a prompt follows examples "Q: ...", "A: ..." with blank lines between, each in another language than the
    one that is due, as in the paper: they show that the answer follows the language of the question.

    Args:
        model: the model.
        prompts: of `wb.load_prompts`, or any table with `prompt` and `language`.
        tokens: most tokens to write.
        temperature: 0 takes the likeliest token.
        top_p: draw from the fewest tokens whose probabilities sum to this.
        beams: beginnings that beam search keeps; needs temperature 0.
        shots: examples before each prompt.
        examples: language code to (question, answer) pairs; at least `shots` other languages than the one due.
        heads: (layer, head) pairs whose outputs are scaled.
        neurons: (layer, neuron) pairs that are scaled.
        scale: what their outputs are multiplied by; 0 switches them off.
        directions: a Result with `direction[layer, d]`, added to the residual stream; see `wb.model.edited`.
        positions: where directions are added: at `"all"` positions, or at those of `"generated"` tokens alone.
        seed: of the draws and of the choice of examples.

    Returns:
        The prompts' table with the column `completion`; `attrs["provenance"]` records how it was made.

    Raises:
        BadCorpus: a column is missing, or there is no prompt.
        BadArgument: an option out of range, or too few languages of examples.
        TooLarge: a prompt leaves no room for `tokens`.
    """
    check_prompts(prompts)
    whole_number("shots", shots)
    texts = prompts["prompt"].tolist()
    if shots:
        texts = with_examples(texts, prompts["language"].tolist(), examples or {}, shots, seed)
    written = generate(
        model,
        texts,
        tokens=tokens,
        temperature=temperature,
        top_p=top_p if temperature else 1.0,
        beams=beams,
        heads=heads,
        neurons=neurons,
        scale=scale,
        directions=directions,
        positions=positions,
        progress=progress,
        batch_size=batch_size,
        seed=seed,
    )
    answered = prompts.assign(completion=written["text"].tolist())
    made = json.loads(written.attrs["provenance"])
    made["parameters"] |= {"shots": shots, "examples": {code: len(rows) for code, rows in (examples or {}).items()}}
    answered.attrs = {"provenance": json.dumps(made, ensure_ascii=False)}
    return answered


def check_prompts(prompts: pd.DataFrame) -> None:
    """Refuse a table without prompts, their language, or rows."""
    missing = [name for name in ("prompt", "language") if name not in prompts]
    if missing or prompts.empty:
        raise BadCorpus(f"prompts have {f'no column {missing[0]!r}' if missing else 'no rows'}; see wb.load_prompts")


def check_options(respond: Callable, options: Mapping[str, Any], of: str) -> None:
    """Refuse an option that `respond` does not take.

    Raises:
        BadArgument: names the option, and where it was given.
    """
    try:
        inspect.signature(respond).bind(None, None, **options)
    except TypeError as error:
        raise BadArgument(f"{of} has an option that wb.evaluation.respond does not take: {error}") from None


def with_examples(
    texts: Sequence[str], languages: Sequence[str], examples: Examples, shots: int, seed: int
) -> list[str]:
    """Prompts after examples in other languages, one language each.

    Raises:
        BadArgument: too few languages.
    """
    prompts = []
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        others = [code for code in examples if len(examples[code]) and meaning(code, [language])[0] is None]
        if len(others) < shots:
            raise BadArgument(
                f"shots={shots} in other languages than {language!r}, but examples are in {len(others)}; give more"
            )
        generator = np.random.default_rng([seed, row])
        parts = []
        for code in generator.choice(others, shots, replace=False):
            question, answer = examples[code][int(generator.integers(len(examples[code])))]
            parts.append(f"Q: {question}\nA: {answer}\n\n")
        prompts.append("".join(parts) + f"Q: {text}\nA:")
    return prompts


@checked
def openings(model: Model, corpus: Corpus, *, tokens: int = 10) -> pd.DataFrame:
    """Prompts for a model without instructions: the first tokens of each text, to be continued in its language.

    This is not the Language Confusion Benchmark: nothing is asked, and the language is shown by the text alone.

    Args:
        model: its tokenizer cuts the texts.
        corpus: texts that the model was not trained on; those of at most `tokens` tokens are left out.
        tokens: of each prompt.

    Returns:
        `task` ("openings"), `source`, `language` and `prompt`.

    Raises:
        BadCorpus: all texts are too short.
    """
    whole_number("tokens", tokens, at_least=1)
    rows = []
    for language, texts in corpus.texts.items():
        for text in texts:
            ids = model.tokenizer.encode(text, add_special_tokens=False)
            if len(ids) > tokens:
                prompt = model.tokenizer.decode(ids[:tokens], skip_special_tokens=True)
                rows.append(("openings", corpus.source, language, prompt.rstrip("\ufffd")))  # half a character
    if not rows:
        raise BadCorpus(f"no text of {corpus.source} has more than {tokens} tokens; give longer ones")
    return pd.DataFrame(rows, columns=list(COLUMNS))
