"""The model that a recipe trains, as a plain transformers module, and the materials that go with it."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from workbench.arguments import checked
from workbench.errors import BadArgument, BadCorpus, BrokenModel, UnknownLanguage
from workbench.laboratories.recipe import Materials, Module
from workbench.model.load import files_hash
from workbench.model.loading.find import local_folder
from workbench.model.loading.placing import read_device
from workbench.model.loading.read import LoadSettings, read_module, read_tokenizer
from workbench.model.loading.wrap import refuse_wrong_object, wrapped_before
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus
from workbench.text.words import load_words
from workbench.training.held_out import held_out_directions

_HELD_OUT = 0.1  # share of the directions that no data train
_PROBE = 8  # texts of a language whose tokens are looked at


@dataclass(frozen=True)
class Base:
    """A model before training.

    Attributes:
        name: as given.
        module: of transformers, in float32, not wrapped; copies of it are trained.
        tokenizer: its tokenizer.
        info: name and hash, for the provenance.
        record: the shipped model's `training.json`; empty for others.
    """

    name: str
    module: Module
    tokenizer: Any
    info: dict[str, Any]
    record: dict[str, Any]

    def fresh(self) -> Module:
        """A copy to train."""
        return copy.deepcopy(self.module)


@checked
def read_base(base: Any, tokenizer: Any = None, *, device: str | None = None) -> Base:
    """Read the model that recipes train.

    Args:
        base: a shipped or packaged model, a folder, a hub name; or a module of transformers that was not wrapped.
        tokenizer: of a module.
        device: where it is trained; by default a GPU where there is one, and for a module where it lies.

    Raises:
        UnknownModel, BrokenModel: as `load_model`; or a module that is wrapped already, or not in float32.
    """
    if isinstance(base, torch.nn.Module):
        refuse_wrong_object(base, tokenizer)
        if wrapped_before(base) is not None:
            raise BrokenModel("this module is wrapped by load_model, and training needs a plain one; load a fresh one")
        kinds = {part.dtype for part in base.parameters() if part.is_floating_point()}
        if low := next((kind for kind in kinds if kind.itemsize < 4), None):
            raise BrokenModel(f"this module is in {low}, in which small updates are lost; give it as module.float()")
        base = base if device is None else base.to(read_device(device))
        return Base(type(base).__name__, base.eval(), tokenizer, {"name": type(base).__name__}, {})
    if not isinstance(base, str | Path):
        raise BadArgument(f"base is a {type(base).__name__}; give a name, a folder, or a module with tokenizer=")
    name, settings = str(base), LoadSettings(torch.float32)
    digest = files_hash(name)  # refuses what cannot be read, before weights are
    place = local_folder(name) or name
    module: Any = read_module(place, name, settings)
    record = Path(place) / "training.json"
    trained = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    own = tokenizer or read_tokenizer(place, name, settings)
    return Base(name, module.to(read_device(device)), own, {"name": name, "hash": digest}, trained)


@checked
def materials(
    base: Base,
    *,
    words: Any = "words",
    corpus: Any = "parallel",
    languages: str | Sequence[str] | None = None,
) -> Materials:
    """What data are made of: one half of the corpus to train on, the other to measure on, and words.

    Of a model that this project trained, only the words that it was trained on are used.

    Args:
        base: the model.
        words: what `load_words` takes.
        corpus: what `load_corpus` takes.
        languages: of words and corpus; those that both have when None.

    Raises:
        UnknownLanguage: a language is not in both, or the tokenizer cannot write its texts.
        BadCorpus: a language of the corpus has fewer than two texts.
    """
    frame = load_words(words, languages=languages)
    texts = load_corpus(corpus, languages=languages)
    shared = [code for code in texts.languages if code in frame.columns]
    if not shared:
        raise UnknownLanguage(
            f"the words have {', '.join(frame.columns)}, the corpus {', '.join(texts.languages)}; they share none"
        )
    texts, frame = texts.select(shared), frame.loc[:, shared]
    short = next((code for code, count in texts.counts.items() if count < 2), None)
    if short is not None:
        raise BadCorpus(f"{texts.source} has one text in {short!r}; half is trained on and half measured, so give two")
    known = base.record.get("recipe", {}).get("concepts")
    if isinstance(words, str) and words == "words" and known:
        frame = frame.loc[list(islice(frame.index, known)), :]
    refuse_unwritable(base.tokenizer, frame, texts)
    halves = (texts.split("train"), texts.split("test"))
    return Materials(base.tokenizer, *halves, frame, held_out_directions(share=_HELD_OUT), base.module)


def refuse_unwritable(tokenizer: Any, words: pd.DataFrame, corpus: Corpus) -> None:
    """Refuse languages whose texts the tokenizer turns into unknown tokens.

    Raises:
        UnknownLanguage: names them.
    """
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown is None:
        return
    lost = []
    for code in words.columns:
        samples = [*words[code].head(_PROBE), *corpus.texts[code][:_PROBE]]
        ids = [token for text in samples for token in tokenizer(text, add_special_tokens=False)["input_ids"]]
        if ids.count(unknown) > len(ids) / 2:
            lost.append(code)
    if lost:
        raise UnknownLanguage(f"this tokenizer cannot write {', '.join(lost)}: most of their tokens are unknown to it")
