"""What every study takes beside its model and its texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadArgument, TooFewLanguages
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus


@dataclass(frozen=True)
class Options:
    """How to compute.

    Attributes:
        batch_size: texts side by side, or "auto"; results differ by rounding alone.
        device: `cpu`, `cuda` ...; a GPU where there is one.
        dtype: of the weights; float32 when None.
        seed: of every random draw.
        progress: show progress bars.
        truncate: cut texts that are longer than the model's context instead of refusing them.
        memory: what activations may take: bytes, a text such as "4 GB", or "auto".
        chat: put texts and prompts through the tokenizer's chat template; statistics leave the template's tokens out.
        deduplicate: drop texts that come again.
        columns: what the columns of a corpus's table hold, where their headers do not say it; see `load_corpus`.
    """

    batch_size: int | str = "auto"
    device: str | None = None
    dtype: str | None = None
    seed: int = 0
    progress: bool = True
    truncate: bool = False
    memory: int | str = "auto"
    chat: bool = False
    deduplicate: bool = False
    columns: Mapping[str, str | None] | None = None

    def corpus(self, source: Any, *, languages: str | Sequence[str] | None = None, limit: int | None = None) -> Corpus:
        """Load texts with these options, of these languages (all when there are none)."""
        how = {"chat": self.chat, "deduplicate": self.deduplicate, "columns": self.columns}
        return load_corpus(source, languages=codes(languages), limit=limit, **how)

    @property
    def sweep(self) -> dict[str, Any]:
        """Arguments that every analysis takes."""
        return {"batch_size": self.batch_size, "seed": self.seed, "progress": self.progress}

    @property
    def texts(self) -> dict[str, Any]:
        """Arguments of the analyses that read a corpus."""
        return {**self.sweep, "truncate": self.truncate}

    def plain(self, what: str) -> "Options":
        """These options, for a study that has no chat.

        Raises:
            BadArgument: a chat is asked for.
        """
        if self.chat:
            raise BadArgument(f"{what} cannot go through a chat template yet; leave chat out")
        return self

    def load(self, model: Any) -> Model:
        """Load a model with these options; a Model passes through."""
        if isinstance(model, Model):
            return model
        return load_model(model, device=self.device, dtype=self.dtype, memory=self.memory)


def common_key(model: Model, options: Options, corpus: Corpus | None = None) -> dict[str, Any]:
    """What the numbers of all cells of a study depend on."""
    info = model.info
    about = {name: info[name] for name in ("name", "hash", "dtype", "device")}
    if info["chat_template"]:
        about["chat_template"] = info["chat_template"]
    texts = None if corpus is None else {**corpus.info, "order": list(corpus.languages)}
    return {"model": about, "corpus": texts, "seed": options.seed, "truncate": options.truncate}


def at_least_two(corpus: Corpus) -> Corpus:
    """Refuse a comparison of languages with fewer than two, before anything is computed.

    Raises:
        TooFewLanguages: names the one that is there.
    """
    if len(corpus.languages) < 2:
        raise TooFewLanguages(
            f"this study compares languages and needs at least two; {corpus.source} gives {', '.join(corpus.languages)}"
        )
    return corpus


def codes(languages: str | Sequence[str] | None) -> str | Sequence[str] | None:
    """An empty list of languages means all of them."""
    return languages or None
