"""Models, batches and pairs of `engine.py`, and its own side: the verbs that the public functions call."""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import transformers as hf

from workbench.model import load_model, logit_difference, nll
from workbench.model.forward.record import record
from workbench.model.forward.rerun import replace_heads
from workbench.model.gradients import head_gradient
from workbench.model.memory import cells_at_once
from workbench.neurons.counts.firing import Counter
from workbench.patching.attribution import estimate
from workbench.patching.engine import cells as patching
from workbench.text import Batch


def llama(vocabulary: int = 32_000, layers: int = 6, heads: int = 8, width: int = 256, inner: int = 688):
    sizes = {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }
    return hf.LlamaConfig(vocab_size=vocabulary, max_position_embeddings=2048, tie_word_embeddings=False, **sizes)


@dataclass(frozen=True)
class Shape:
    """A model's configuration, its batch (samples, tokens), and its pairs, which share their first half."""

    config: Callable
    batch: tuple[int, int]
    pairs: tuple[int, int]


SHAPES = {
    "small": Shape(lambda: llama(512, 3, 4, 64, 128), (4, 16), (2, 8)),
    "tiny": Shape(llama, (16, 128), (4, 32)),
    "tiny-250k": Shape(lambda: llama(250_000), (16, 128), (4, 32)),
    "gpt2s": Shape(lambda: hf.GPT2Config(), (8, 64), (4, 32)),
    "qwen2": Shape(
        lambda: hf.Qwen2Config(
            vocab_size=151_936,
            hidden_size=896,
            intermediate_size=4864,
            num_hidden_layers=24,
            num_attention_heads=14,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        ),
        (4, 64),
        (4, 32),
    ),
}


class NoTokenizer:
    """Stands where a tokenizer has to: batches are token ids already, so it is never called."""

    pad_token_id = eos_token_id = 0

    def __call__(self, *args, **kwargs):
        raise NotImplementedError

    decode = __call__


@dataclass(eq=False)
class Case:
    """One model, wrapped and plain (the same weights), with a batch of texts and of pairs."""

    shape: Shape
    device: str
    dtype: torch.dtype
    config: object = None

    def __post_init__(self):
        torch.manual_seed(0)
        self.plain, self.model = self.modules()
        self.ids, self.source, self.target, self.tokens = (one.to(self.device) for one in self.texts())
        self.rows = 0

    def modules(self):
        """The plain module, and the model that wraps the same weights."""
        module = (
            hf.AutoModelForCausalLM.from_config(self.config or self.shape.config()).to(self.device, self.dtype).eval()
        )
        tied = module.get_input_embeddings().weight is module.get_output_embeddings().weight
        for name, weight in module.named_parameters():  # the default initialisation is so small that nothing matters
            embeds = any(word in name for word in ("embed", "wte", "wpe"))
            if weight.dim() > 1 and not (embeds and tied):
                torch.nn.init.normal_(weight, std=1.0 if embeds else min(weight.shape) ** -0.5)
        module.set_attn_implementation("sdpa")
        plain = copy.deepcopy(module, {id(one): one for one in module.parameters()})  # shares the weights
        return plain, load_model(module, tokenizer=NoTokenizer(), device=self.device, dtype=self.dtype)

    def texts(self):
        """Ids of the batch, of the pairs' sources and targets, and an answer and a foil for each row."""
        vocabulary, pairs = self.model.n_vocabulary, self.shape.pairs
        ids = torch.randint(vocabulary, self.shape.batch, device=self.device)
        source, target = (torch.randint(vocabulary, pairs, device=self.device) for _ in range(2))
        source[:, : pairs[1] // 2] = target[:, : pairs[1] // 2]
        rows = max(self.shape.batch[0], pairs[0])
        return ids, source, target, torch.randperm(vocabulary)[: 2 * rows].view(2, rows)

    @property
    def shared(self) -> int:
        """Positions at the beginning that source and target have in common in every pair."""
        return int((self.source != self.target).any(0).float().argmax())

    def copy(self):
        """Another plain module with the same weights."""
        return copy.deepcopy(self.plain, {id(one): one for one in self.plain.parameters()})

    def of(self, ids) -> Batch:
        """A batch without padding; its metric reads an answer and a foil per row."""
        self.rows = len(ids)
        return Batch(ids, torch.ones_like(ids), ("xx",) * len(ids), tuple(range(len(ids))))

    answers = property(lambda self: self.tokens[0, : self.rows])
    foils = property(lambda self: self.tokens[1, : self.rows])


# Ours: the verbs that the public functions call. Each gives (values by cell, or one tensor; seconds per cell or job).


def clock(case):
    if case.device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def sweep(case, columns, walk, **kept):
    """What `wb.patching.sweep` runs on one batch of pairs."""
    start = clock(case)
    source = record(case.model, case.of(case.source), heads=bool(kept))
    target = record(case.model, case.of(case.target), keys=True, heads=bool(kept))
    metric = logit_difference(case.answers.tolist(), case.foils.tolist())
    clean, found = patching.unpatched(target, metric), {}
    for layer, block, values, changed in walk(source, target, metric):
        for i, column in enumerate(block):
            found[layer, column] = clean if values is None else torch.where(changed[i], values[i], clean)
    return found, (clock(case) - start) / (case.model.n_layers * columns)


def residual(case, cells):
    return sweep(case, case.shape.pairs[1], lambda *args: patching.positions(*args, after=False))


def head(case, cells):
    return sweep(case, case.model.n_heads, patching.heads, heads=True)


def ablate(case, cells, metric):
    """What `wb.heads.ablate(how="zero")` runs on one batch, for some heads of every layer."""
    model, batch, found = case.model, case.of(case.ids), {}
    start = clock(case)
    recording = record(model, batch, heads=True)
    middle = clock(case)
    width = cells_at_once(model, *batch.ids.shape, batch.ids.shape[1])
    nothing = torch.zeros(1, 1, 1, 1, device=model.device, dtype=model.dtype)
    for layer in sorted({i for i, _ in cells}):
        heads = [j for i, j in cells if i == layer]
        for block in (heads[i : i + width] for i in range(0, len(heads), width)):
            states = replace_heads(recording, layer, block, nothing, last=metric.last)
            found.update(zip([(layer, j) for j in block], metric.read(model, states, batch), strict=True))
    return found, (middle - start) / (model.n_layers * model.n_heads) + (clock(case) - middle) / len(cells)


def ablate_answer(case, cells):
    case.of(case.ids)
    return ablate(case, cells, logit_difference(case.answers.tolist(), case.foils.tolist()))


def ablate_nll(case, cells):
    return ablate(case, cells, nll)


def gradient(case, cells):
    start = clock(case)
    return head_gradient(case.model, case.of(case.ids))[0], clock(case) - start


def attribution(case, cells):
    """What `wb.patching.attribution(site="head")` estimates on one batch of pairs: [sample, layer, head]."""
    start = clock(case)
    source = record(case.model, case.of(case.source), heads=True, keys=True)
    metric = logit_difference(case.answers.tolist(), case.foils.tolist())
    found = estimate(case.model, source, case.of(case.target), metric, site="head")[0]
    return found, clock(case) - start


def firing(case, cells):
    start = clock(case)
    counter = Counter(case.model, ("xx",))
    counter.update(case.of(case.ids))
    return counter.fired[0], clock(case) - start
