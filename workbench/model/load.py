"""Load a causal language model from a name, a folder or memory, wrap it in TransformerLens and check it."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from workbench import packaged, shipped
from workbench.errors import BadArgument, BrokenModel, UnknownModel
from workbench.model.check import check as check_model
from workbench.model.folder import check_folder, folder_hash
from workbench.model.memory import checked
from workbench.model.model import Model
from workbench.model.remembered import outcome_key
from workbench.model.unpack import revision as unpacked_revision
from workbench.model.unpack import unpacked
from workbench.model.wrap import refuse_wrong_object, wrapped_before


def load_model(
    name: Any = "polyglot",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    tokenizer: Any = None,
    allow_pickle: bool = False,
    memory: int | str = "auto",
    check: str = "remembered",
) -> Model:
    """Load a model, wrap it and check it.

    Args:
        name: a shipped model (`polyglot`), a packaged one (`gemma-3-270m`), a local folder in hub format, a GGUF file,
            a hub name, or a transformers module with `tokenizer=` (the module is changed in place by the wrapping;
            given again, it is found wrapped).
        device: `cpu`, `cuda`, `cuda:1` ...; by default a GPU where there is one, and for a module where it lies.
        dtype: `float32`, `bfloat16` or `float16`; by default float32 whatever a file holds, and what a module has.
        tokenizer: only with a module in memory.
        allow_pickle: load `pytorch_model.bin`, which can run code; only safetensors are loaded otherwise.
        memory: what activations may take in every analysis: bytes, a text such as "4 GB", or "auto", half of what is
            free. What does not fit at once is run in slices, with the same result.
        check: "remembered" takes the outcome of the checks from the cache where the same weights, configuration and
            library versions were checked before; "full" checks anew. A module in memory is always checked.

    Returns:
        The wrapped Model; `model.abilities` says what it can do, `model.lost` why it cannot do the rest, `model.parity`
        how near it is to Hugging Face.

    Raises:
        UnknownModel: nothing has this name.
        BrokenModel: no config, no tokenizer, truncated, missing, unused or NaN weights, an object that is no causal
            language model, or a check that failed.
        TooLarge: the weights do not fit in memory.

    Example:
        >>> model = load_model("polyglot")                                  # doctest: +SKIP
    """
    if check not in ("remembered", "full"):
        raise BadArgument(f"check={check!r}; it is 'remembered' or 'full'")
    memory = checked(memory)
    if isinstance(name, torch.nn.Module):
        model = _from_memory(name, tokenizer, device, dtype)
    elif isinstance(name, str | Path):
        model = _from_name(str(name), tokenizer, _device(device), _dtype(dtype), allow_pickle, check)
    elif isinstance(name, Model):
        raise BrokenModel(f"{name.name!r} is a Model already: pass it to the analysis as it is")
    else:
        raise BrokenModel(
            f"a {type(name).__name__} is no model; give a name, a folder, or a transformers module with tokenizer="
        )
    model.memory = memory
    return model


def _from_memory(module: Any, tokenizer: Any, device: Any, dtype: Any) -> Model:
    refuse_wrong_object(module, tokenizer)
    source = type(module).__name__
    placed = {"device": _device(device) if device else None, "dtype": _dtype(dtype) if dtype else None}
    if any(placed.values()):
        module = module.to(**{name: value for name, value in placed.items() if value})
    if not getattr(module.config, "architectures", None):
        module.config.architectures = [source]
    _check_finite(module, source)
    if wrapped_before(module) is None:
        module.eval()
    return check_model(module, tokenizer, name=source, revision="in memory", digest=_module_hash(module))


def _from_name(
    source: str, tokenizer: Any, device: torch.device, dtype: torch.dtype, allow_pickle: bool, check: str
) -> Model:
    path = _folder(source)
    if path:
        check_folder(path, source, dtype, allow_pickle)
    module: Any = _read_module(path or source, source, dtype, allow_pickle).to(device)  # type: ignore[arg-type]
    tokenizer = tokenizer or _read_tokenizer(path or source, source)
    refuse_wrong_object(module, tokenizer)
    revision = unpacked_revision(path) or getattr(module.config, "_commit_hash", None) or "local"
    digest = folder_hash(path) if path else str(revision)
    _check_finite(module, source)
    key = outcome_key(module, digest) if check == "remembered" else None
    return check_model(module, tokenizer, name=source, revision=str(revision), digest=digest, key=key)


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    allowed = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype is None:
        return torch.float32
    found = allowed.get(str(dtype).removeprefix("torch."))
    if found is None:
        raise BadArgument(f"dtype {dtype!r} is not supported (has: {', '.join(allowed)})")
    return found


def _device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        have = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        raise BadArgument(f"device {device!r} cannot be used here (has: {', '.join(have)})") from error
    return chosen


def _folder(name: str) -> Path | None:
    """The local folder that a name stands for: a shipped model, or a path; None for a hub name."""
    if name in shipped.models():
        return shipped.folder(name)
    if folder := unpacked(name):
        return folder
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UnknownModel(
            f"{name!r} is not a GGUF file, and not a folder; a model folder holds config.json, safetensors and a "
            "tokenizer"
        )
    return None


def _read_module(path: Path | str, name: str, dtype: torch.dtype, allow_pickle: bool) -> torch.nn.Module:
    try:
        with _quiet():
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                path,
                dtype=dtype,
                attn_implementation="eager",
                use_safetensors=not allow_pickle,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (SafetensorError, RuntimeError, json.JSONDecodeError) as error:
        raise BrokenModel(f"{name!r} has weights that cannot be read: {_line(error)}") from error
    except MemoryError:
        raise
    except Exception as error:  # transformers and the readers of quantised weights raise whatever their parts raise
        if isinstance(path, Path) or not isinstance(error, OSError | ValueError):
            raise BrokenModel(f"{name!r} cannot be loaded: {_line(error)}") from error
        raise UnknownModel(
            f"{name!r} is not a shipped model (has: {', '.join(shipped.models())}), not a packaged one (has: "
            f"{packaged.described()}), not a folder, and the hub did not give it: {_line(error)}"
        ) from error
    module, info = loaded
    missing = sorted(info["missing_keys"]) + [str(key) for key in sorted(info.get("mismatched_keys", ()))]
    if missing:
        raise BrokenModel(f"{name!r} lacks {len(missing)} of its weights, first {missing[0]}")
    unused = sorted(info.get("unexpected_keys", ()))
    if unused:
        raise BrokenModel(
            f"{name!r} holds {len(unused)} weights that its config.json has no place for, first {unused[0]}: the model "
            "that would be loaded is not the one that was saved"
        )
    return module.eval()


def _read_tokenizer(path: Path | str, name: str) -> Any:
    try:
        with _quiet():
            return transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # the many tokenizer classes raise whatever their parsers raise
        raise BrokenModel(f"{name!r} has a tokenizer that cannot be loaded: {_line(error)}") from error


def _check_finite(module: torch.nn.Module, name: str) -> None:
    for key, parameter in module.named_parameters():
        if not parameter.dtype.is_floating_point or bool(torch.isfinite(parameter.sum(dtype=torch.float32))):
            continue  # a sum is many times faster, and NaN or infinity in it stays
        bad = int((~torch.isfinite(parameter)).sum())
        if bad:
            raise BrokenModel(f"{name!r} has {bad} weights in {key} that are NaN or infinite")


def _module_hash(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(module.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()


def _line(error: BaseException) -> str:
    """The first line of a foreign error's text, shortened."""
    text = str(error).strip().splitlines() or [type(error).__name__]
    return text[0][:200]


@contextmanager
def _quiet():
    """Hide the progress bars and warnings of a load that our own checks repeat with better words."""
    level = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    before = os.environ.get("PIP_NO_INDEX")
    os.environ["PIP_NO_INDEX"] = "1"  # booting some multimodal models would install packages by itself
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()
        os.environ.pop("PIP_NO_INDEX") if before is None else os.environ.update(PIP_NO_INDEX=before)
