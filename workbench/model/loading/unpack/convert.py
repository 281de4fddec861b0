"""From a GGUF file to config, safetensors and tokenizer: read by transformers, then checked against the file."""

import contextlib
import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers

from workbench.errors import BrokenModel, CannotWrite, TooLarge, first_line
from workbench.model.loading.declared import check_declared
from workbench.model.loading.unpack.header import Header
from workbench.model.loading.unpack.mend import check_config, mend_config, mend_tokenizer

_WIDTHS = (torch.bfloat16, torch.float16)  # narrower than float32, tried in this order


def convert(file: Path, into: Path, header: Header, name: str) -> dict[str, str]:
    """Write a GGUF model as a folder in hub format.

    Quantized weights are a scale in float16 times a whole number, in some types less an offset: float32 has what gguf
    unpacks bit for bit, nothing narrower does. Weights are stored in float32 unless bfloat16 or float16 has every one
    of them exactly.

    Args:
        file: the GGUF file.
        into: an empty folder.
        header: of the file.
        name: for messages.

    Returns:
        Its entries of the manifest: architecture, width of the weights, versions.

    Raises:
        BrokenModel: transformers cannot read this architecture from GGUF, or would leave out what the file states.
        TooLarge: the weights in float32 do not fit in memory.
        CannotWrite: the disk is full.
    """
    layers = header.get("block_count", 0)
    if not isinstance(layers, int) or layers > len(header.tensors):
        raise BrokenModel(f"{name!r} says that it has {layers!r} layers, and holds {len(header.tensors)} tensors")
    need, free = 2 * 4 * header.elements, psutil.virtual_memory().available
    if need > free:
        raise TooLarge(f"{name!r} needs {need / 2**30:.1f} GiB to be unpacked; {free / 2**30:.1f} GiB are free")
    try:
        with _read_once():
            module, tokenizer = _load(file, header, name)
    except (BrokenModel, TooLarge):
        raise
    except Exception as error:  # transformers and gguf raise whatever their parsers raise
        raise BrokenModel(
            f"{name!r} has the architecture {header.architecture!r} and cannot be unpacked by transformers "
            f"{transformers.__version__}: {first_line(error)}; the same model in hub format would load"
        ) from error
    mend_config(module.config, header)
    check_config(module, header, name)
    mend_tokenizer(tokenizer, module.config, header, name)
    width = exact_width(module)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            module.to(width).save_pretrained(into)  # pyright: ignore[reportArgumentType]
            tokenizer.save_pretrained(into)
    except Exception as error:
        if "os error" in str(error) or isinstance(error, OSError):  # safetensors wraps the error of the system
            raise CannotWrite(f"{name!r} cannot be unpacked into {into.parent}: {first_line(error)}") from error
        raise
    return {
        "architecture": header.architecture,
        "weights": str(width).removeprefix("torch."),
        "transformers": transformers.__version__,
    }


def exact_width(module: torch.nn.Module) -> torch.dtype:
    """The narrowest type that has every weight exactly: bfloat16, float16 or float32."""
    for width in _WIDTHS:
        if all(bool((weight == weight.to(width)).all()) for weight in module.parameters()):
            return width
    return torch.float32


def _load(file: Path, header: Header, name: str) -> tuple[Any, Any]:
    """Module in float32, and tokenizer; what the settings declare is counted against the file first."""
    options: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    if hasattr(transformers, "GgufConfig"):  # since 5.24 blocks stay packed unless this says otherwise
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    folder = str(file.parent)
    config = transformers.AutoConfig.from_pretrained(folder, gguf_file=file.name, local_files_only=True)
    check_declared(header.size, transformers.AutoModelForCausalLM.from_config, config, name)
    loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, **options
    )
    module, info = loaded
    missing = sorted(info["missing_keys"]) + sorted(map(str, info["mismatched_keys"]))
    if missing:
        raise ValueError(f"{len(missing)} weights are not in the file, first {missing[0]}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file.name, local_files_only=True)
    return module.eval(), tokenizer


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """Parse the file once instead of three times, which takes 10 s each for a large vocabulary; hide progress bars."""
    import gguf

    reader = gguf.GGUFReader
    level = transformers.logging.get_verbosity()
    gguf.GGUFReader = functools.cache(reader)  # pyright: ignore[reportAttributeAccessIssue]
    transformers.logging.set_verbosity_error()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        gguf.GGUFReader = reader
        transformers.logging.set_verbosity(level)
