"""Pretraining: `python -m workbench.training.pretrain --corpus ../shared/corpus --out data/polyglot --minutes 60`.

A run of `--steps` is a function of the seed (on one machine and thread count); a run of `--minutes` ends on time, with
its learning rate decayed to zero. Both continue from their last checkpoint with `--resume`. With glibc,
`MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000` reuses freed memory and saves 10 % of the time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from workbench.training.cards.loss_curve import write_loss_curve
from workbench.training.checkpoint import load_checkpoint, save_checkpoint
from workbench.training.data.mixture import Mixture, Shares, read_lines
from workbench.training.data.prompts import LANGUAGES, read_words
from workbench.training.export import export_model
from workbench.training.held_out import held_out_directions
from workbench.training.loss import chunked_cross_entropy
from workbench.training.optimizer import make_optimizers, schedule
from workbench.training.tokenizer import BOS, EOS, PAD, make_tokenizer

WORDS = Path(__file__).parents[2] / "data" / "words.tsv"


@dataclass(frozen=True)
class Recipe:
    """All hyperparameters of pretraining. Lengths in tokens.

    Prompts use the first `first_concepts` words until the fraction `grow_from` of the run, so that translation is
    learned on few, and all `concepts` from `grow_to` on, so that it generalizes; `shares` move to `last_shares`
    meanwhile.
    """

    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    vocabulary: int = 8192
    width: int = 160
    inner: int = 448
    layers: int = 6
    heads: int = 8
    context: int = 256
    concepts: int = 246
    first_concepts: int = 24
    batch: int = 16
    length: int = 128
    matrix_lr: float = 0.02
    other_lr: float = 5e-3
    held_out: float = 0.1
    grow_from: float = 0.12
    grow_to: float = 0.4
    shares: Shares = field(default_factory=Shares)
    last_shares: Shares = field(default_factory=lambda: Shares(prompts=0.35, chains=0.5, mixed=0.1))
    bf16: bool = False
    compiled: bool = False


def make_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """A Llama-architecture model with random weights from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    ids = tokenizer.get_vocab()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=ids[BOS],
        eos_token_id=ids[EOS],
        pad_token_id=ids[PAD],
    )
    return LlamaForCausalLM(config)


def make_mixture(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, corpus: Path, words: Path) -> Mixture:
    """The recipe's mixture of the corpus and of prompts from the word list."""
    held_out = held_out_directions(share=recipe.held_out)
    lines = read_lines(corpus, LANGUAGES)
    trained = dict(islice(read_words(words).items(), recipe.concepts))
    return Mixture(tokenizer, lines, trained, held_out, shares=recipe.shares, seed=recipe.seed)


def document_mask(rows: torch.Tensor, bos: int, dtype: torch.dtype) -> torch.Tensor:
    """Additive attention mask: each token sees earlier tokens of its own document; [batch, 1, length, length]."""
    document = (rows == bos).cumsum(1)
    allowed = (document[:, :, None] == document[:, None, :]).tril()[:, None]
    return torch.zeros(allowed.shape, dtype=dtype, device=rows.device).masked_fill_(~allowed, torch.finfo(dtype).min)


def loss_of(model: Any, rows: torch.Tensor, *, bf16: bool = False, decoder: Any = None) -> torch.Tensor:
    """Mean NLL over all tokens but the first of each row; rows: [batch, length]; `decoder`: a compiled model.model."""
    low = torch.bfloat16 if bf16 else torch.float32
    mask = document_mask(rows, model.config.bos_token_id, low)
    with torch.autocast(rows.device.type, dtype=torch.bfloat16, enabled=bf16):
        states = (model.model if decoder is None else decoder)(
            input_ids=rows, attention_mask=mask, use_cache=False
        ).last_hidden_state
    return chunked_cross_entropy(
        states[:, :-1].flatten(0, 1).float(), model.lm_head.weight, rows[:, 1:].flatten(), low=low
    )


class Run:
    """State of a training run: weights, optimizers, steps, seconds, losses, and the recipes it was resumed with."""

    def __init__(self, recipe: Recipe, model: Any, mixture: Mixture, *, device: str = "cpu") -> None:
        self.recipe, self.mixture, self.device = recipe, mixture, device
        self.model = model.to(device)
        if device == "cpu":  # the backward pass of fused attention is slow on CPUs
            self.model.set_attn_implementation("eager")
        self.decoder = torch.compile(self.model.model) if recipe.compiled else None
        self.optimizers = make_optimizers(self.model, matrix_lr=recipe.matrix_lr, other_lr=recipe.other_lr)
        self.tops = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        self.done, self.seconds, self.history = 0, 0.0, []
        self.stages = [{"step": 0, "recipe": asdict(recipe)}]

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end; in steps if the recipe has steps, else in minutes."""
        if self.recipe.steps is not None:
            return self.done / self.recipe.steps
        return self.seconds / (60 * (self.recipe.minutes or 1.0))

    @property
    def rate(self) -> float:
        """Factor on the learning rates at the next step."""
        return schedule(self.progress)

    @property
    def grown(self) -> float:
        """0 while prompts use few concepts, 1 when they use all."""
        begin, end = self.recipe.grow_from, self.recipe.grow_to
        return min(1.0, max(0.0, (self.progress - begin) / (end - begin)))

    @property
    def concepts(self) -> int:
        """Current number of concepts in the prompts."""
        few = min(self.recipe.first_concepts, self.recipe.concepts)
        return round(few + (self.recipe.concepts - few) * self.grown)

    @property
    def tokens(self) -> int:
        """Tokens read so far."""
        return self.done * self.recipe.batch * self.recipe.length

    def step(self) -> float:
        """Trains on one batch; returns its loss in nats per token."""
        begun = time.perf_counter()
        rate = self.rate
        for optimizer, tops in zip(self.optimizers, self.tops, strict=True):
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                group["lr"] = top * rate
        batch, length = self.recipe.batch, self.recipe.length
        shares = self.recipe.shares.towards(self.recipe.last_shares, self.grown)
        rows = self.mixture.rows(self.done, batch=batch, length=length, concepts=self.concepts, shares=shares)
        tokens = torch.from_numpy(rows).to(self.device)
        loss = loss_of(self.model, tokens, bf16=self.recipe.bf16, decoder=self.decoder)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        self.done += 1
        self.seconds += time.perf_counter() - begun
        if self.done % 20 == 0 or self.done == 1:
            self.history.append(
                {"step": self.done, "tokens": self.tokens, "loss": round(value, 4), "rate": round(rate, 4)}
            )
        return value

    def state(self) -> dict[str, Any]:
        """State for a checkpoint, complete for an identical continuation."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "done": self.done,
            "seconds": self.seconds,
            "history": self.history,
            "stages": self.stages,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.done, self.seconds, self.history = state["done"], state["seconds"], state["history"]
        self.stages = state.get("stages", self.stages)
        if self.stages[-1]["recipe"] != asdict(self.recipe):
            self.stages.append({"step": self.done, "recipe": asdict(self.recipe)})

    def record(self) -> dict[str, Any]:
        """The training record, for the model card."""
        return {
            "recipe": asdict(self.recipe),
            "stages": self.stages,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "steps": self.done,
            "tokens": self.tokens,
            "minutes": round(self.seconds / 60, 1),
            "progress": round(min(1.0, self.progress), 4),
            "device": self.device,
            "loss": self.history[:: max(1, len(self.history) // 100)],
        }


def train(
    run: Run, tokenizer: PreTrainedTokenizerBase, *, folder: Path, out: Path | None, export_every: float = 20.0
) -> None:
    """Trains to the end; a checkpoint every two minutes, an export every `export_every` minutes and at the end."""
    curve = folder.with_name(f"{folder.name}-loss.html")
    saved = exported = run.seconds
    with tqdm(total=100.0, initial=round(100 * run.progress, 2), unit="%", desc="pretraining") as bar:
        while run.progress < 1.0:
            loss = run.step()
            bar.set_postfix(
                loss=f"{loss:.3f}", step=run.done, speed=f"{run.tokens / run.seconds:.0f} tokens/s", refresh=False
            )
            bar.update(min(100.0, 100 * run.progress) - bar.n)
            over = run.progress >= 1.0
            if over or run.seconds - saved > 120:
                save_checkpoint(folder / "last.pt", run.state())
                write_loss_curve(curve, run.history, title=f"Loss of {folder.name}")
                saved = run.seconds
            if out is not None and (over or run.seconds - exported > 60 * export_every):
                export_model(out, run.model, tokenizer, run.record())
                exported = run.seconds


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with text/<language>/train.txt")
    parser.add_argument("--words", type=Path, default=WORDS, help="TSV of words in all languages")
    parser.add_argument("--out", type=Path, help="model folder to export to")
    parser.add_argument("--checkpoint", type=Path, default=Path("runs/polyglot"), help="folder of the checkpoint")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint, if there is one")
    parser.add_argument("--export-every", type=float, default=20.0, help="minutes between exports")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int)
    budget.add_argument("--minutes", type=float)
    defaults = Recipe()
    for name, value in asdict(defaults).items():
        if name in ("steps", "minutes", "shares", "last_shares", "held_out", "context", "bf16", "compiled"):
            continue
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    for when in ("shares", "last_shares"):
        for name in ("prompts", "chains", "mixed"):
            option = f"--{when.removesuffix('shares')}{name}".replace("_", "-")
            share = getattr(getattr(defaults, when), name)
            parser.add_argument(option, type=float, default=share, help="a share, see Shares")
    parser.add_argument("--bf16", action="store_true", help="multiply matrices in bfloat16, where it is fast")
    parser.add_argument("--compiled", action="store_true", help="torch.compile; needs a C++ compiler on a CPU")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Trains the tokenizer if the checkpoint folder has none, then the model."""
    options = vars(parse(arguments))
    shares, last = (
        Shares(**{name: options[f"{when}{name}"] for name in ("prompts", "chains", "mixed")}) for when in ("", "last_")
    )
    given = {name: options[name] for name in Recipe.__dataclass_fields__ if name in options}
    recipe = Recipe(**given, shares=shares, last_shares=last)
    folder: Path = options["checkpoint"]
    if not (folder / "tokenizer.json").exists():
        words = read_words(options["words"])
        made = make_tokenizer(options["corpus"], words, vocabulary=recipe.vocabulary, context=recipe.context)
        made.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    mixture = make_mixture(recipe, tokenizer, options["corpus"], options["words"])
    run = Run(recipe, make_model(recipe, tokenizer), mixture, device=options["device"])
    state = load_checkpoint(folder / "last.pt") if options["resume"] else None
    if state is not None:
        run.restore(state)
    train(run, tokenizer, folder=folder, out=options["out"], export_every=options["export_every"])


if __name__ == "__main__":
    main()
