"""Load a causal language model from a name, a folder or memory, wrap it in TransformerLens and check it."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument, BrokenModel, UnknownModel
from workbench.model.checks.check import check as check_model
from workbench.model.checks.remembered import outcome_key
from workbench.model.loading.adapter import Adapter, apply_adapter, base_without_adapter, find_adapter
from workbench.model.loading.find import find_folder, local_folder, merged
from workbench.model.loading.folder import check_folder, folder_hash, has_tokenizer, memory_of, read_json
from workbench.model.loading.placing import (
    bytes_per_weight,
    read_device,
    read_dtype,
    read_options,
    refuse_moving,
    refuse_with_module,
)
from workbench.model.loading.read import LoadSettings, commit, read_module, read_tokenizer
from workbench.model.loading.text_part import is_multimodal, text_part
from workbench.model.loading.unpack import revision as unpacked_revision
from workbench.model.loading.weight_files import check_links, check_weight_files
from workbench.model.loading.wrap import refuse_wrong_object, wrapped_before
from workbench.model.memory import check_memory
from workbench.model.model import Model


# Long: where a model comes from, where it goes and in what precision are independent choices.
@checked
def load_model(
    name: Any = "polyglot",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    tokenizer: Any = None,
    revision: str | None = None,
    device_map: Any = None,
    quantization: str | None = None,
    merge: bool = False,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    memory: int | str = "auto",
    check: str = "remembered",
) -> Model:
    """Load a model, wrap it and check it.

    Args:
        name: a shipped model (`polyglot`), a packaged one (`gemma-3-270m`), a local folder in hub format or with a PEFT
            adapter, a GGUF file, a hub name, or a transformers module with `tokenizer=` (wrapping changes the module in
            place; loaded again, it is recognised).
        device: `cpu`, `cuda`, `cuda:1` ...; by default a GPU where there is one, and for a module its own.
        dtype: `float32`, `bfloat16` or `float16`; by default float32 whatever a file holds, and what a module has.
        tokenizer: of a module in memory; for a name or folder, instead of its own.
        revision: branch, tag or commit of a hub name.
        device_map: `"auto"`, or a dict from parts to devices: accelerate spreads the weights over GPUs and memory.
        quantization: `"4bit"` or `"8bit"`, by bitsandbytes, on a GPU.
        merge: add an adapter's products to the weights; otherwise its layers stay in place, which is as exact.
        allow_pickle: load `pytorch_model.bin`, which can run code; only safetensors are loaded otherwise.
        trust_remote_code: run the Python code that a folder or a hub name brings (`auto_map` in its config.json), which
            can do anything; a model that needs it is refused otherwise.
        memory: what activations may take in every analysis: bytes, a text such as "4 GB", or "auto", half of what is
            free. What does not fit at once is run in slices, with the same result.
        check: "remembered" takes the outcome of the checks from the cache where the same weights, configuration and
            library versions were checked before; "full" checks anew. A module in memory is always checked.

    Returns:
        The wrapped Model; `model.abilities` says what it can do, `model.lost` why it cannot do the rest, `model.parity`
        how near it is to Hugging Face.

    Raises:
        UnknownModel: no model has this name.
        BrokenModel: no config, no tokenizer, truncated, missing, unused or NaN weights, an object that is no causal
            language model, an adapter that does not fit, or a check that failed.
        BadArgument: an option that is unknown or not available here.
        TooLarge: the weights do not fit in memory.

    Example:
        >>> model = load_model("polyglot")                                  # doctest: +SKIP
    """
    one_of("check", check, ("remembered", "full"))
    memory = check_memory(memory)
    if isinstance(name, Model):
        raise BrokenModel(f"{name.name!r} is a Model already: pass it to the analysis as it is")
    if isinstance(name, torch.nn.Module):
        refuse_with_module(revision=revision, device_map=device_map, quantization=quantization, merge=merge or None)
        model = _from_memory(name, tokenizer, device, dtype)
    elif isinstance(name, str | Path):
        target, weight_dtype = read_device(device), read_dtype(dtype)
        options = read_options(target, weight_dtype, device_map, quantization, explicit=device is not None)
        settings = LoadSettings(weight_dtype, allow_pickle, revision, options, quantization, trust_remote_code)
        model = _from_name(str(name), tokenizer, settings, target, merge, check)
    else:
        raise BrokenModel(
            f"a {type(name).__name__} is not a model; give a name, a folder, or a transformers module with tokenizer="
        )
    model.memory = memory
    return model


def load_tokenizer(name: str) -> Any:
    """The tokenizer of what `load_model` takes by name, without its weights.

    Raises:
        UnknownModel: there is no such folder.
        BrokenModel: it has no tokenizer, or one that cannot be read.
    """
    path = local_folder(name)
    if path:
        check_links(path, name)
        if not has_tokenizer(path):
            raise BrokenModel(f"{name!r} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")
    return read_tokenizer(path or name, name, LoadSettings(torch.float32))


def files_hash(name: str | Path, *, allow_pickle: bool = False, trust_remote_code: bool = False) -> str:
    """A hash of all files that `load_model` would read, those of an adapter's base too; no weights are in memory.

    Of a name on the hub, the commit stands for the files.

    Raises:
        UnknownModel, BrokenModel: as `load_model`, as far as files say.
    """
    settings = LoadSettings(torch.float32, allow_pickle, trust_remote_code=trust_remote_code)
    parts = _find(str(name), settings, None, True)
    base = parts.base if isinstance(parts.base, Path) else commit(parts.base, parts.settings) or find_folder(parts.base)
    folders = [parts.adapter.folder, base] if parts.adapter else [base]
    hashes = [folder_hash(part, code=trust_remote_code) if isinstance(part, Path) else part for part in folders]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def weights_in_memory(name: str, dtype: str | None = None) -> int | None:
    """Bytes that a model's weights take in memory; None for one that is not on this machine yet.

    Raises:
        UnknownModel, BrokenModel: as `load_model`.
    """
    path = local_folder(name)
    if path is None or not (path / "config.json").is_file():
        return None
    return memory_of(path, read_json(path / "config.json", name), read_dtype(dtype).itemsize)


def _from_memory(module: Any, tokenizer: Any, device: Any, dtype: Any) -> Model:
    source = type(module).__name__
    placed = {"device": read_device(device) if device else None, "dtype": read_dtype(dtype) if dtype else None}
    if any(placed.values()) and hasattr(module, "config"):
        refuse_moving(module, device, dtype)
        module = module.to(**{name: value for name, value in placed.items() if value})
    refuse_wrong_object(module, tokenizer)
    if not getattr(module.config, "architectures", None):
        module.config.architectures = [source]
    _check_finite(module, source)
    if wrapped_before(module) is None:
        module.eval()
    module = text_part(module, source) if is_multimodal(module.config) else module
    return check_model(module, tokenizer, name=source, revision="in memory", digest=_module_hash(module))


def _from_name(
    source: str, tokenizer: Any, settings: LoadSettings, device: torch.device, merge: bool, check: str
) -> Model:
    parts = _find(source, settings, bytes_per_weight(settings), tokenizer is None)
    adapter, base, settings = parts.adapter, parts.base, parts.settings
    if merge and (adapter is None or settings.quantization):
        why = (
            "quantised weights cannot be merged with it without rounding again"
            if adapter
            else f"{source!r} has no adapter"
        )
        raise BadArgument(f"merge=True merges an adapter, and {why}: leave merge out")
    base_copy = base_without_adapter(base) if adapter and isinstance(base, Path) else None
    module: Any = read_module(Path(base_copy.name) if base_copy else base, source, settings)
    if "device_map" not in settings.options:
        module = module.to(device)
    if adapter:
        module = apply_adapter(module, adapter, source, merge=merge)
    tokenizer = read_tokenizer(parts.tokenizer, source, settings) if tokenizer is None else tokenizer
    refuse_wrong_object(module, tokenizer)
    _check_finite(module, source)
    module = text_part(module, source) if is_multimodal(module.config) else module
    revision, digest = _identity(base, module, settings)
    if adapter:
        digest = hashlib.sha256(f"{digest}{adapter.digest}{merge}".encode()).hexdigest()
        revision = f"adapter {adapter.digest[:12]} of {adapter.base} ({revision}){', merged' if merge else ''}"
    key = outcome_key(module, digest) if check == "remembered" and not settings.options else None
    return check_model(module, tokenizer, name=source, revision=revision, digest=digest, key=key)


@dataclass(frozen=True)
class _Parts:
    """Where a model's parts lie: folders, or names on the hub; and how the base is read."""

    adapter: Adapter | None
    base: Path | str
    tokenizer: Path | str
    settings: LoadSettings


def _find(source: str, settings: LoadSettings, width: int | None, tokenizer: bool) -> _Parts:
    """The parts of a model, checked as far as their files say; width as in `check_folder`, tokenizer: it is needed."""
    path = local_folder(source)
    if path and settings.revision is not None:
        raise BadArgument(f"revision={settings.revision!r} is for names on the hub, and {source!r} is on this machine")
    if path:
        check_links(path, source)
    adapter = find_adapter(path, source, settings)
    base: Path | str = _base_of(adapter, source) if adapter else path or source
    if adapter:
        settings = replace(settings, revision=adapter.base_revision)
    place = adapter.folder if adapter and has_tokenizer(adapter.folder) else base
    if isinstance(base, Path):
        check_folder(base, source, width, settings.allow_pickle, tokenizer=tokenizer and place is base)
        check_links(base, source)
        check_weight_files(base, source, allow_pickle=settings.allow_pickle)
    return _Parts(adapter, base, place, settings)


def _identity(source: Path | str, module: Any, settings: LoadSettings) -> tuple[str, str]:
    """Revision and hash of a folder, or of what the hub gave: there the commit names the contents."""
    if isinstance(source, Path):
        return unpacked_revision(source) or merged(source) or "local", folder_hash(
            source, code=settings.trust_remote_code
        )
    commit_hash = commit(source, settings)
    return (commit_hash, commit_hash) if commit_hash else ("unknown", _module_hash(module))


def _base_of(adapter: Adapter, source: str) -> Path | str:
    """The folder of the model that an adapter changes, or its name on the hub."""
    if isinstance(adapter.base, Path):
        return adapter.base
    try:
        return local_folder(adapter.base) or adapter.base
    except UnknownModel as error:
        raise BrokenModel(
            f"{source!r} is an adapter of {adapter.base!r}, which is not there; put the folder there, or name another "
            "as base_model_name_or_path in its adapter_config.json"
        ) from error


def _check_finite(module: torch.nn.Module, name: str) -> None:
    for key, parameter in module.named_parameters():
        if (
            parameter.is_meta
            or not parameter.dtype.is_floating_point
            or bool(torch.isfinite(parameter.sum(dtype=torch.float32)))
        ):
            continue  # the sum is much faster to test, and keeps NaN and infinity
        bad = int((~torch.isfinite(parameter)).sum())
        if bad:
            raise BrokenModel(f"{name!r} has {bad} weights in {key} that are NaN or infinite")


def _module_hash(module: torch.nn.Module) -> str:
    if any(parameter.is_meta for parameter in module.parameters()):  # accelerate keeps them on disk
        from accelerate.utils.modeling import get_state_dict_offloaded_model

        tensors = get_state_dict_offloaded_model(module)
    else:
        tensors = module.state_dict()
    digest = hashlib.sha256()
    for key, tensor in sorted(tensors.items()):
        digest.update(key.encode())
        digest.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()
