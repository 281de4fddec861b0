"""The layouts that are read and written, and how the files of each are recognised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.circuits.layouts import circuit_tracer, gemma_scope, gemma_scope_2, multilingual_clts, saelens
from workbench.circuits.layouts.parts import Sites
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder


@dataclass(frozen=True)
class Layout:
    """A layout of files.

    Attributes:
        name: as in `save` and `load`.
        needs: the files that it is recognised by, in words.
        fits: whether a folder or file has them.
        read: the transcoder of a folder or file.
        write: the files of a transcoder stored in a type, by name.
    """

    name: str
    needs: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, Sites], Transcoder]
    write: Callable[[Transcoder, str], Iterator[tuple[str, bytes]]]


def _has(*names: str) -> Callable[[Path], bool]:
    return lambda path: any((path / name).is_file() for name in names)


def _named(name: str, *patterns: str) -> Callable[[Path], bool]:
    """Whether it is a file of this name, or has one somewhere inside."""
    return lambda path: (
        path.name == name if path.is_file() else any(any(path.rglob(each)) for each in (name, *patterns))
    )


LAYOUTS = (
    Layout(
        "circuit_tracer",
        "config.yaml, with W_enc_0.safetensors and W_dec_0.safetensors ... or layer_0.safetensors ...",
        _has(circuit_tracer.CONFIG),
        circuit_tracer.read,
        circuit_tracer.write,
    ),
    Layout(
        "multilingual_clts",
        "clt_cfg.json and clt_weights.safetensors",
        _has(multilingual_clts.CONFIG, multilingual_clts.WEIGHTS),
        multilingual_clts.read,
        multilingual_clts.write,
    ),
    Layout(
        "saelens",
        "cfg.json and sae_weights.safetensors, here or in a folder for each layer",
        lambda path: bool(saelens.folders(path)),
        saelens.read,
        saelens.write,
    ),
    Layout(
        "gemma_scope",
        "params.npz in folders such as layer_12",
        _named(gemma_scope.WEIGHTS),
        gemma_scope.read,
        gemma_scope.write,
    ),
    Layout(
        "gemma_scope_2",
        "config.json and params.safetensors in folders such as layer_12_width_16k, or params_layer_0.safetensors ...",
        _named(gemma_scope_2.WEIGHTS, gemma_scope_2.CROSS),
        gemma_scope_2.read,
        gemma_scope_2.write,
    ),
)
NAMES = tuple(layout.name for layout in LAYOUTS)


def named(name: str) -> Layout:
    """The layout of a name in `NAMES`."""
    return next(layout for layout in LAYOUTS if layout.name == name)


def recognised(path: Path) -> Layout:
    """The layout of a folder or file.

    Raises:
        BadTranscoder: it is none, or several; names what is there, and what each layout needs.
    """
    fitting = [layout for layout in LAYOUTS if layout.fits(path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(layout.name for layout in fitting)
        raise BadTranscoder(f"{path} has files of several layouts ({names}); name one of them as layout=")
    names = sorted(file.name for file in path.iterdir())[:8] if path.is_dir() else [path.name]
    needs = "; ".join(f"{layout.name}: {layout.needs}" for layout in LAYOUTS)
    raise BadTranscoder(f"{path} has no files of a known layout (it has: {', '.join(names) or 'nothing'}); {needs}")
