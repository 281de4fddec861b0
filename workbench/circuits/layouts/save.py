"""Save a transcoder in a layout that others read."""

from pathlib import Path

from workbench.arguments import checked, one_of
from workbench.circuits.layouts.parts import DTYPES
from workbench.circuits.layouts.registry import NAMES, named
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.results.writing.whole_folder import whole_folder


@checked
def save(transcoder: Transcoder, folder: str | Path, *, layout: str = "circuit_tracer", dtype: str = "float32") -> Path:
    """Save a transcoder as a folder, whole or not at all.

    `load` gives it back to the bit, if it is stored as float32 and the layout has a place for each part. Scales of
    what is read and written are part of MultilingualCLTs alone; elsewhere they go into the weights, which is the same
    function but for rounding. What a layout cannot express is refused.

    Args:
        transcoder: to save.
        folder: that is not there yet, or is empty.
        layout: `"circuit_tracer"` (cross-layer or a set, as the transcoder is), `"saelens"`, `"gemma_scope"`,
            `"gemma_scope_2"` or `"multilingual_clts"`.
        dtype: of the stored weights: float32, float16 or bfloat16.

    Returns:
        The folder.

    Raises:
        BadTranscoder: the layout cannot express it; says which part.
        BadArgument: a number is too large for the type, or the layout does not have the type.
        CannotWrite: the folder has files, or is read-only, or the disk is full; nothing was written.

    Example:
        >>> wb.circuits.save(transcoder, "transcoders/polyglot", dtype="float16")              # doctest: +SKIP
    """
    one_of("dtype", dtype, DTYPES)
    write = named(one_of("layout", layout, NAMES)).write
    weights = (transcoder.encoder, *transcoder.decoder)
    with whole_folder(folder, sum(weight.numel() for weight in weights) * DTYPES[dtype].itemsize) as partial:
        for name, content in write(transcoder, dtype):
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return Path(folder)
