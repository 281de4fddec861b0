"""Read a causal language model and its tokenizer with transformers, from a folder in hub format or from the hub."""

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers.utils.hub import cached_file, extract_commit_hash

from workbench.errors import BrokenModel, WorkbenchError, first_line
from workbench.model.loading.declared import check_declared
from workbench.model.loading.find import unknown
from workbench.model.loading.folder import weight_files
from workbench.model.loading.text_part import is_multimodal


@dataclass(frozen=True)
class LoadSettings:
    """How weights are read.

    Attributes:
        dtype: of the weights in memory.
        allow_pickle: whether pickled weights are loaded, which can run code.
        revision: branch, tag or commit on the hub.
        options: what `from_pretrained` takes besides: `device_map`, `quantization_config`.
        quantization: "4bit" or "8bit" where the weights are quantised on loading.
        trust_remote_code: whether Python code that the model brings is run.
    """

    dtype: torch.dtype
    allow_pickle: bool = False
    revision: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    quantization: str | None = None
    trust_remote_code: bool = False


def read_module(path: Path | str, name: str, settings: LoadSettings) -> torch.nn.Module:
    """The causal language model of a folder or a hub name, every weight of it and no other.

    Raises:
        UnknownModel: it could not be fetched from the hub.
        BrokenModel: it cannot be read, or weights are missing or not used.
    """
    try:
        with quiet():
            reader = _reader(path, settings, name)
            loaded: Any = reader.from_pretrained(
                path,
                dtype=settings.dtype,
                attn_implementation="eager",
                use_safetensors=None if settings.allow_pickle else True,
                trust_remote_code=settings.trust_remote_code,
                output_loading_info=True,
                **_from_hub(path, settings),
                **settings.options,
            )
    except (SafetensorError, RuntimeError, json.JSONDecodeError) as error:
        if "ignore_mismatched_sizes" in str(error):
            raise BrokenModel(f"{name!r} has weights of other shapes than its config.json gives them") from error
        raise BrokenModel(f"{name!r} has weights that cannot be read: {first_line(error)}") from error
    except (MemoryError, WorkbenchError):
        raise
    except Exception as error:  # transformers and the readers of quantised weights raise whatever their parts raise
        _refuse_code(error, name)
        if isinstance(path, Path) or not isinstance(error, OSError | ValueError):
            raise BrokenModel(f"{name!r} cannot be loaded: {first_line(error)}") from error
        raise unknown(name, error) from error
    module, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        saved = ", ".join(getattr(module.config, "architectures", None) or ())
        saved = f" (it was saved as {saved})" if saved and saved != type(module).__name__ else ""
        raise BrokenModel(f"{name!r} lacks {len(missing)} of its weights, first {missing[0]}{saved}")
    unused = sorted(info.get("unexpected_keys", ()))
    if unused:
        raise BrokenModel(
            f"{name!r} holds {len(unused)} weights that its config.json has no place for, first {unused[0]}: the model "
            "that would be loaded is not the one that was saved"
        )
    return module.eval()


def read_tokenizer(path: Path | str, name: str, settings: LoadSettings) -> Any:
    """The tokenizer of a folder or a hub name.

    Raises:
        BrokenModel: it cannot be read.
    """
    try:
        with quiet():
            return transformers.AutoTokenizer.from_pretrained(
                path, trust_remote_code=settings.trust_remote_code, **_from_hub(path, settings)
            )
    except Exception as error:  # the many tokenizer classes raise whatever their parsers raise
        _refuse_code(error, name)
        raise BrokenModel(f"{name!r} has a tokenizer that cannot be loaded: {first_line(error)}") from error


def _refuse_code(error: Exception, name: str) -> None:
    """Say what allows it, where transformers did not run the code that a model brings.

    Raises:
        BrokenModel: the error was that.
    """
    if "trust_remote_code" in str(error):
        raise BrokenModel(
            f"{name!r} brings Python code of its own, which was not run; read it first, then load the model with "
            "trust_remote_code=True, or --trust-remote-code"
        ) from error


def commit(name: str, settings: LoadSettings) -> str | None:
    """The commit of a hub name that was just read, None where the cache does not record it."""
    try:
        place = cached_file(
            name, "config.json", revision=settings.revision, _raise_exceptions_for_missing_entries=False
        )
    except (OSError, ValueError):
        return None
    return extract_commit_hash(place, None)


@contextmanager
def quiet():
    """Hide the progress bars and warnings of loading; our own checks report the same more clearly."""
    level = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    before = os.environ.get("PIP_NO_INDEX")
    os.environ["PIP_NO_INDEX"] = "1"  # some multimodal models install packages while loading
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
        os.environ.pop("PIP_NO_INDEX") if before is None else os.environ.update(PIP_NO_INDEX=before)


def _reader(path: Path | str, settings: LoadSettings, name: str) -> Any:
    """The class that reads a checkpoint; for a multimodal one the class that it names, with all its weights."""
    config = transformers.AutoConfig.from_pretrained(
        path, trust_remote_code=settings.trust_remote_code, **_from_hub(path, settings)
    )
    reader: Any = transformers.AutoModelForCausalLM
    if is_multimodal(config):
        named = getattr(transformers, (config.architectures or [""])[0], None)
        fits = named is not None and getattr(named, "config_class", None) is type(config)
        reader = named if fits else transformers.AutoModelForImageTextToText
    if isinstance(path, Path):
        stored = sum(file.stat().st_size for file in [*weight_files(path), *path.glob("*.bin")])
        build = reader
        if hasattr(reader, "from_config"):
            build = partial(reader.from_config, trust_remote_code=settings.trust_remote_code)
        check_declared(stored, build, config, name)
    return reader


def _from_hub(path: Path | str, settings: LoadSettings) -> dict[str, str]:
    return {"revision": settings.revision} if settings.revision is not None and not isinstance(path, Path) else {}
