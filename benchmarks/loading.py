"""How long loading a model takes beside transformers alone, for `real.py`: one after the other in each repetition."""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path

import torch
import transformers

import workbench as wb
from workbench.model.loading.unpack import unpacked


def folder(name: str) -> Path:
    """Where the weights of a packaged model, or of a folder, are."""
    return unpacked(name) or Path(name)


def plain(name: str):
    """The module and tokenizer as transformers loads them."""
    where = folder(name)
    module = transformers.AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32)
    return module.eval(), transformers.AutoTokenizer.from_pretrained(where)


def seconds(load) -> float:
    gc.collect()
    start = time.perf_counter()
    loaded = load()
    took = time.perf_counter() - start
    del loaded
    gc.collect()
    return took


def loading(name: str, *, repeats: int, full: int) -> dict[str, tuple[float, float]]:
    """Seconds, and how many times transformers' own: medians of each repetition's.

    Args:
        name: a packaged model or a folder.
        repeats: of the load whose checks are remembered.
        full: of the load that checks anew.
    """
    ways = {
        "load_model": lambda: wb.load_model(name),
        'load_model(check="full")': lambda: wb.load_model(name, check="full"),
    }
    plain(name)  # modules are imported and files are read into memory: not counted
    wb.load_model(name)
    alone, took = [], {way: [] for way in ways}
    ratios = {way: [] for way in ways}
    for repeat in range(max(repeats, full)):
        alone.append(seconds(lambda: plain(name)))
        for way, load in ways.items():
            if repeat < (full if "full" in way else repeats):
                took[way].append(seconds(load))
                ratios[way].append(took[way][-1] / alone[-1])
    found = {"transformers alone": (statistics.median(alone), 1.0)}
    return found | {way: (statistics.median(took[way]), statistics.median(ratios[way])) for way in ways}
