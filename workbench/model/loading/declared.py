"""What a config declares against the weights in its files: built on the meta device first, and counted."""

from typing import Any

import psutil
import torch

from workbench.errors import BrokenModel, TooLarge

_PER_BYTE = 32  # weights that a stored byte may stand for: far more than any quantization packs
_FLOOR = 2**24  # weights that a config may declare beside any file


def check_declared(stored: int, build: Any, config: Any, name: str) -> None:
    """Refuse a config that declares a model far larger than its files, before memory is taken for it.

    Args:
        stored: bytes of the files.
        build: makes a module of the config.
        config: of transformers.
        name: for messages.

    Raises:
        BrokenModel: more weights than the files can hold.
        TooLarge: tables beside the weights, such as masks as wide as the context, that do not fit in memory.
    """
    with torch.device("meta"):
        module = build(config)
    declared = sum(parameter.numel() for parameter in module.parameters())
    if declared > max(_FLOOR, _PER_BYTE * stored):
        raise BrokenModel(f"{name!r} declares {declared:,} weights in its config and has {stored:,} bytes of them")
    tables = sum(buffer.numel() * buffer.element_size() for buffer in module.buffers())
    free = psutil.virtual_memory().available
    if tables > free // 2:
        raise TooLarge(
            f"{name!r} needs {tables / 2**30:.1f} GiB for tables beside its weights; {free / 2**30:.1f} GiB are free"
        )
