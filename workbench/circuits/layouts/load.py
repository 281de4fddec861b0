"""Load a transcoder or sparse autoencoder from the files of others, or from one's own."""

from pathlib import Path

from huggingface_hub import snapshot_download

from workbench import shipped
from workbench.arguments import checked, one_of
from workbench.circuits.layouts.parts import Sites
from workbench.circuits.layouts.registry import NAMES, named, recognised
from workbench.circuits.transcoders.fit import check_explains
from workbench.circuits.transcoders.states import check_fits
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadTranscoder, first_line, warn
from workbench.model.model import Model
from workbench.model.sites import kind


@checked
def load(
    path: str | Path,
    model: Model | None = None,
    *,
    layout: str | None = None,
    reads: str | None = None,
    writes: str | None = None,
) -> Transcoder:
    """Load a transcoder, and check that it explains what the model does.

    Five publishers' layouts are read, in the types that they are stored in, without their libraries: circuit-tracer's
    (cross-layer, and sets of single layers), SAELens's, Gemma Scope's 1 and 2, and that of MultilingualCLTs. Sparse
    autoencoders read and write one site. Nothing pickled is read.

    With a model, a transcoder is refused that explains nothing of a layer: a dictionary that reads another site than
    the layers that it was trained on gives numbers all the same, and they are the commonest silent error. Where its
    record names other weights than the model's, a warning says so.

    Args:
        path: "polyglot-transcoder", which is shipped; a folder; a file, of Gemma Scope; or a name on the hub,
            `owner/name` or `owner/name/folder`, which is taken from the local cache where the network is off.
        model: that it is of; without one nothing is checked, and a warning says so.
        layout: `"circuit_tracer"`, `"saelens"`, `"gemma_scope"`, `"gemma_scope_2"` or `"multilingual_clts"`; recognised
            from the files when None.
        reads: the site that it reads, where the files do not say so or are wrong (see `wb.model.SITES`).
        writes: the site that it writes, the same.

    Returns:
        The transcoder, on the model's device.

    Raises:
        BadTranscoder: no such files, or files that are cut, pickled, or not of the layout; numbers that are NaN; a hook
            or an architecture that is unknown here; it does not fit the model, or explains nothing of a layer.
        UnsupportedSite: there is no such site.

    Example:
        >>> transcoder = wb.circuits.load("transcoders/gpt2", model)                           # doctest: +SKIP
    """
    if layout is not None:
        one_of("layout", layout, NAMES)
    for site in (reads, writes):
        if site is not None:
            kind(site)
    files = files_of(str(path))
    chosen = recognised(files) if layout is None else named(layout)
    transcoder = chosen.read(files, Sites(reads, writes))
    if model is None:
        warn(f"{path} was not checked against a model: give it, so that a wrong layer or site is seen")
        return transcoder
    check_fits(model, transcoder)
    transcoder = transcoder.to(model.device)
    check_explains(transcoder, model)
    own = transcoder.record.get("model")
    if own is not None and own != model.info["hash"]:
        warn(f"{path} was trained on a model of other weights than {model.name}: it may explain less of this one")
    return transcoder


def files_of(name: str) -> Path:
    """The folder or file that a path or a name on the hub stands for.

    Raises:
        BadTranscoder: there is none.
    """
    if name in shipped.transcoders():
        return shipped.folder(name)
    path = Path(name).expanduser()
    if path.exists():
        return path
    parts = name.split("/")
    if len(parts) < 2 or name.startswith((".", "/", "~")) or not all(parts):
        raise BadTranscoder(f"{name!r} is no folder or file, and no name on the hub such as owner/name")
    inside = "/".join(parts[2:])
    try:
        folder = Path(snapshot_download("/".join(parts[:2]), allow_patterns=[f"{inside}*" if inside else "*"]))
    except Exception as error:  # the hub's client raises whatever the network does
        raise BadTranscoder(
            f"{name!r} is no folder or file, and the hub did not give it: {first_line(error)}"
        ) from error
    if not (folder / inside).exists():
        raise BadTranscoder(f"{'/'.join(parts[:2])!r} on the hub has no {inside!r}")
    return folder / inside
