"""Tune a shipped model further, on texts or on answers to prompts, with all weights or some of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from workbench import shipped
from workbench.arguments import checked, finite, shown, whole_number
from workbench.errors import BadArgument, BadCorpus, BrokenModel, NotFinite, TooLarge
from workbench.training.data.packing import Encoded, encode_marked, packed_rows
from workbench.training.evaluate import weights_hash
from workbench.training.export import export_model
from workbench.training.loss import chunked_cross_entropy
from workbench.training.measure import Model
from workbench.training.pretrain import document_mask

Document = str | tuple[str, str]
"""A text, all of which the loss covers; or a prompt and its answer, of which it covers the answer and its end."""

Draw = Callable[[np.random.Generator], Document]
"""Makes the next document."""

Rows = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""Step to ids [batch, length] int64 and marks of the tokens that the loss covers [batch, length] bool."""


@dataclass(frozen=True)
class Tuning:
    """All hyperparameters of tuning, by default those of the shipped twin. Lengths in tokens.

    Attributes:
        steps: updates; `steps * batch * length` tokens are read.
        batch: rows of an update.
        length: of a row.
        rate: highest learning rate of AdamW.
        warmup: share of the steps in which the rate rises linearly; it falls linearly to zero in the others.
        seed: of the draws of documents.
    """

    steps: int = 80
    batch: int = 16
    length: int = 128
    rate: float = 3e-4
    warmup: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("length", 2), ("seed", 0)):
            whole_number(name, getattr(self, name), at_least=least)
        finite("rate", self.rate, above=0)
        finite("warmup", self.warmup, above=0, below=1)

    @property
    def tokens(self) -> int:
        """Tokens that are read in all."""
        return self.steps * self.batch * self.length


@checked
def tune(
    base: str | Path,
    documents: Sequence[Document] | Draw,
    *,
    out: str | Path,
    recipe: Tuning | None = None,
    trainable: Callable[[str], bool] | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Tune a model of this project's format and write the folder of the tuned one.

    On one machine and thread count, the folder is a function of base, documents, recipe and trainable. Weights are
    stored as bfloat16, as the base's are, so that frozen ones stay equal byte for byte.

    Args:
        base: a shipped model, or the folder of the base; it stays as it is.
        documents: a sequence, read in random order, again and again; or a function that draws the next. Each stands
            between `<s>` and `</s>`, and sees no other.
        out: folder of the tuned model.
        recipe: hyperparameters.
        trainable: which parameters to train, by name (`model.layers.0.mlp.up_proj.weight`); all when None.

    Returns:
        The content of `training.json`: the base's recipe, its name and hash, `tuning`, `tokens`, `trained` (number of
        weights) and `loss`, the curve of `train_rows`.

    Raises:
        BadArgument: `out` is the base, nothing is trainable, or a function that draws no document.
        BadCorpus: no documents, a blank one, or one whose answer begins after the end of a row.
        BrokenModel: the base is no Llama-shaped folder with tied embeddings.
        TooLarge: rows are longer than the base's context.
        NotFinite: the loss is NaN or infinite; nothing is written.
    """
    recipe, out = recipe or Tuning(), Path(out)
    base = shipped.folder(str(base)) if str(base) in shipped.models() else Path(base)
    if out.resolve() == base.resolve():
        raise BadArgument(f"out={str(out)!r} is the base, which would be lost; give another folder")
    model, tokenizer = _load(base)
    if recipe.length > (longest := model.config.max_position_embeddings):
        raise TooLarge(f"length={recipe.length}; this model's context has {longest} tokens")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trainable is None or bool(trainable(name)))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if not trained:
        raise BadArgument(f"trainable selects no parameter (has: {next(iter(model.state_dict()))} ...)")
    if isinstance(documents, Sequence):
        check_documents(documents, tokenizer, recipe.length)
    stream = (encoded_document(tokenizer, each) for each in _stream(documents, np.random.default_rng(recipe.seed)))

    def rows(step: int) -> tuple[np.ndarray, np.ndarray]:
        return packed_rows(lambda: next(stream), batch=recipe.batch, length=recipe.length)

    history = train_rows(model, rows, recipe, progress=progress)
    known = base / "training.json"
    record = {
        "recipe": json.loads(known.read_text(encoding="utf-8")).get("recipe") if known.exists() else None,
        "base": {"name": base.name, "weights": weights_hash(base)},
        "tuning": asdict(recipe),
        "tokens": recipe.tokens,
        "trained": trained,
        "loss": history,
    }
    export_model(out, model, tokenizer, record)
    return record


def train_rows(
    model: Model, rows: Rows, recipe: Tuning, *, description: str = "tuning", progress: bool = True
) -> list[dict[str, float]]:
    """Train a model in place on packed rows: AdamW without decay, on all parameters that require a gradient.

    Args:
        model: in float32.
        rows: training data; documents begin with `<s>` and do not see each other.
        recipe: hyperparameters.
        description: of the progress bar.
        progress: show it.

    Returns:
        The loss curve: {step, tokens, loss (nats per marked token), rate (factor on the learning rate)} of every step.

    Raises:
        NotFinite: the loss is NaN or infinite; names the step.
    """
    model.train()
    model.set_attn_implementation("eager")  # the mask between documents is added to the scores
    torch.manual_seed(recipe.seed)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.0)
    history = []
    for step in (bar := tqdm(range(recipe.steps), desc=description, unit="step", disable=not progress)):
        done = step / recipe.steps
        factor = min((done + 1 / recipe.steps) / recipe.warmup, (1 - done) / (1 - recipe.warmup), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * factor
        ids, marks = rows(step)
        loss = marked_loss(model, torch.from_numpy(ids), torch.from_numpy(marks))
        if not math.isfinite(value := loss.item()):
            raise NotFinite(f"the loss of step {step + 1} is {value}; try a lower rate than {recipe.rate:g}")
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens = (step + 1) * recipe.batch * recipe.length
        history.append({"step": step + 1, "tokens": tokens, "loss": round(value, 4), "rate": round(factor, 4)})
        bar.set_postfix(loss=f"{value:.3f}", refresh=False)
    model.eval()
    return history


def marked_loss(model: Model, ids: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    """Mean NLL of the marked tokens, nats; ids: [batch, length], marks: [batch, length] bool."""
    mask = document_mask(ids, model.config.bos_token_id, torch.float32)
    states = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    wanted = marks[:, 1:]
    return chunked_cross_entropy(states[:, :-1][wanted], model.lm_head.weight, ids[:, 1:][wanted])


def encoded_document(tokenizer: PreTrainedTokenizerBase, document: Document) -> Encoded:
    """Token ids of a document, and which of them the loss covers: its answer or whole text, and its end."""
    prompt, answer = ("", document) if isinstance(document, str) else document
    return encode_marked(tokenizer, prompt + answer, (len(prompt), len(prompt) + len(answer)), ending=True)


def check_documents(documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase, length: int) -> None:
    """Refuse documents from which nothing can be learned.

    Raises:
        BadCorpus: there are none, one is blank, or its answer begins after the end of a row; names its number.
    """
    if not documents:
        raise BadCorpus("there are no documents to tune on")
    for number, document in enumerate(documents):
        if not _is_document(document):
            raise BadCorpus(f"document {number} is {shown(document)}; give a text, or (prompt, answer)")
        if not (document if isinstance(document, str) else document[1]).strip():
            raise BadCorpus(f"document {number} is blank, or its answer is")
        if not any(encoded_document(tokenizer, document)[1][:length]):
            raise BadCorpus(f"the prompt of document {number} fills a row of {length} tokens; its answer is cut off")


def _is_document(document: Any) -> bool:
    """Whether something is a text, or a prompt and its answer."""
    if isinstance(document, str):
        return True
    return isinstance(document, tuple | list) and len(document) == 2 and all(isinstance(part, str) for part in document)


def _stream(documents: Sequence[Document] | Draw, rng: np.random.Generator) -> Iterator[Document]:
    """Documents without end: drawn, or all of them in a new random order each time.

    Raises:
        BadArgument: a function that draws no document.
    """
    while True:
        if isinstance(documents, Sequence):
            yield from (documents[int(number)] for number in rng.permutation(len(documents)))
            continue
        try:
            document = documents(rng)
        except TypeError as error:
            raise BadArgument(f"documents={shown(documents)} draws no document from a generator: {error}") from error
        if not _is_document(document):
            raise BadArgument(f"documents={shown(documents)} drew {shown(document)}; give a text, or (prompt, answer)")
        yield document


def _load(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerBase]:
    if not (folder / "config.json").is_file():
        raise BrokenModel(f"{str(folder)!r} is no model folder: it has no config.json")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if not isinstance(model, LlamaForCausalLM) or not model.config.tie_word_embeddings:
        raise BrokenModel(f"{str(folder)!r} is no Llama-shaped model with tied embeddings, as the shipped ones are")
    return model, AutoTokenizer.from_pretrained(folder)
