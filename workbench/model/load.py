"""Load a causal language model from a name, a folder or memory, wrap it in TransformerLens and check it."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from safetensors import SafetensorError

from workbench import packaged, shipped
from workbench.errors import BadArgument, BrokenModel, TooLarge, UnknownModel
from workbench.model.check import check
from workbench.model.memory import checked
from workbench.model.model import Model
from workbench.model.unpack import revision as unpacked_revision
from workbench.model.unpack import unpacked

_HASH_LIMIT = 2 * 2**30  # bytes; larger weights are identified by the headers and sizes of their files


def load_model(
    name: Any = "polyglot",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    tokenizer: Any = None,
    allow_pickle: bool = False,
    memory: int | str = "auto",
) -> Model:
    """Load a model, wrap it and check it.

    Args:
        name: a shipped model (`polyglot`), a packaged one (`gemma-3-270m`), a local folder in hub format, a GGUF file,
            a hub name, or a transformers module with `tokenizer=` (the module is changed in place by the wrapping).
        device: `cpu`, `cuda`, `cuda:1` ...; by default a GPU where there is one.
        dtype: `float32`, `bfloat16` or `float16`; float32 by default, whatever the file holds.
        tokenizer: only with a module in memory.
        allow_pickle: load `pytorch_model.bin`, which can run code; only safetensors are loaded otherwise.
        memory: what activations may take in every analysis: bytes, a text such as "4 GB", or "auto", half of what is
            free. What does not fit at once is run in slices, with the same result.

    Returns:
        The wrapped Model; `model.abilities` says what it can do, `model.parity` how near it is to Hugging Face.

    Raises:
        UnknownModel: nothing has this name.
        BrokenModel: no config, no tokenizer, truncated, missing or NaN weights, or a check that failed.
        TooLarge: the weights do not fit in memory.

    Example:
        >>> model = load_model("polyglot")                                  # doctest: +SKIP
    """
    dtype = _dtype(dtype)
    device = _device(device)
    memory = checked(memory)
    if isinstance(name, torch.nn.Module):
        module, source = name.to(device=device, dtype=dtype).eval(), type(name).__name__  # type: ignore[call-overload]
        if tokenizer is None:
            raise BrokenModel(f"a {source} in memory came without a tokenizer; pass tokenizer=")
        revision, digest = "in memory", _module_hash(module)
        if not getattr(module.config, "architectures", None):  # type: ignore[union-attr]
            module.config.architectures = [source]  # type: ignore[union-attr]
    else:
        source = str(name)
        path = _folder(source)
        _check_folder(path, source, dtype, allow_pickle)
        module = _read_module(path or source, source, dtype, allow_pickle).to(device)  # type: ignore[arg-type]
        tokenizer = tokenizer or _read_tokenizer(path or source, source)
        revision = unpacked_revision(path) or getattr(module.config, "_commit_hash", None) or "local"  # type: ignore[union-attr]
        digest = _folder_hash(path) if path else revision
    _check_finite(module, source)
    model = check(module, tokenizer, name=source, revision=str(revision), digest=str(digest))
    model.memory = memory
    return model


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


def _check_folder(path: Path | None, name: str, dtype: torch.dtype, allow_pickle: bool) -> None:
    if path is None:
        return
    if not (path / "config.json").is_file():
        raise BrokenModel(f"{name!r} has no config.json; a model folder holds config.json, safetensors and a tokenizer")
    weights = list(path.glob("*.safetensors"))
    if not weights and not allow_pickle:
        raise BrokenModel(f"{name!r} has no .safetensors file; pickled weights need allow_pickle=True")
    if not any((path / file).is_file() for file in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise BrokenModel(f"{name!r} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")
    try:
        config = json.loads((path / "config.json").read_text())
    except ValueError as error:
        raise BrokenModel(f"{name!r} has a config.json that is not JSON: {_line(error)}") from error
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    width = 2 if "16" in str(stored) else 4
    need = sum(file.stat().st_size for file in weights) * dtype.itemsize // width
    free = psutil.virtual_memory().available
    if need > free:
        raise TooLarge(f"{name!r} needs {need / 2**30:.1f} GiB for its weights; {free / 2**30:.1f} GiB are free")


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
    except (OSError, ValueError) as error:
        if isinstance(path, Path):
            raise BrokenModel(f"{name!r} cannot be loaded: {_line(error)}") from error
        raise UnknownModel(
            f"{name!r} is not a shipped model (has: {', '.join(shipped.models())}), not a packaged one (has: "
            f"{packaged.described()}), not a folder, and the hub did not give it: {_line(error)}"
        ) from error
    module, info = loaded
    missing = sorted(info["missing_keys"]) + [str(key) for key in sorted(info.get("mismatched_keys", ()))]
    if missing:
        raise BrokenModel(f"{name!r} lacks {len(missing)} of its weights, first {missing[0]}")
    return module.eval()


def _read_tokenizer(path: Path | str, name: str) -> Any:
    try:
        with _quiet():
            return transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # the many tokenizer classes raise whatever their parsers raise
        raise BrokenModel(f"{name!r} has a tokenizer that cannot be loaded: {_line(error)}") from error


def _check_finite(module: torch.nn.Module, name: str) -> None:
    for key, parameter in module.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            bad = int((~torch.isfinite(parameter)).sum())
            raise BrokenModel(f"{name!r} has {bad} weights in {key} that are NaN or infinite")


def _folder_hash(path: Path) -> str:
    """SHA-256 of the weight files; above 2 GiB, of their first MiB (which holds the header) and their sizes."""
    files = sorted(path.glob("*.safetensors"))
    whole = sum(file.stat().st_size for file in files) <= _HASH_LIMIT
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{file.stat().st_size}".encode())
        with file.open("rb") as stream:
            digest.update(stream.read() if whole else stream.read(2**20))
    return digest.hexdigest() if whole else "headers:" + digest.hexdigest()


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
