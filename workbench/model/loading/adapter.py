"""A PEFT adapter: where it lies, which model it was trained on, and that model with the adapter applied."""

import hashlib
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.utils.hub import cached_file

from workbench.errors import BadArgument, BrokenModel, first_line, warn
from workbench.model.checks.remembered import file_hash
from workbench.model.loading.folder import read_json, weight_files
from workbench.model.loading.read import LoadSettings, quiet

CONFIG, _SAFE, _PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
_PREFIX = "base_model.model."
_ONLY_FACTORS = ("gaussian", "orthogonal", "eva", "mica")  # starts that leave the base's weights as they are


@dataclass(frozen=True)
class Adapter:
    """An adapter on disk.

    Attributes:
        folder: with its `adapter_config.json` and weights.
        base: what `load_model` would take for the model that it changes; a Path is a local folder.
        digest: SHA-256 over its configuration and weights.
        base_revision: of the base on the hub, where the adapter names one.
    """

    folder: Path
    base: str | Path
    digest: str
    base_revision: str | None = None


def find_adapter(path: Path | None, name: str, settings: LoadSettings) -> Adapter | None:
    """The adapter that a folder, or a name on the hub, holds; None where it holds none.

    Raises:
        BadArgument: peft is not installed, or the weights are pickled.
        BrokenModel: there are no weights, or no model is named that they change.
    """
    folder = path or _from_hub(name, settings)
    if folder is None or not (folder / CONFIG).is_file():
        return None
    weights = next((folder / file for file in (_SAFE, _PICKLED) if (folder / file).is_file()), None)
    if weights is None:
        raise BrokenModel(
            f"{name!r} has an {CONFIG} and no {_SAFE}: put the adapter's weights there, or remove the {CONFIG} to load "
            "the model without it"
        )
    if weights.name == _PICKLED and not settings.allow_pickle:
        raise BrokenModel(
            f"{name!r} has pickled adapter weights ({_PICKLED}), which need allow_pickle=True, or --allow-pickle"
        )
    if find_spec("peft") is None:
        raise BadArgument(f"{name!r} is a PEFT adapter, which needs peft: pip install 'babel-workbench[adapters]'")
    digest = hashlib.sha256(f"{file_hash(folder / CONFIG)}{file_hash(weights)}".encode()).hexdigest()
    config = read_json(folder / CONFIG, name)
    return Adapter(folder, _base(folder, name, config), digest, config.get("revision"))


def apply_adapter(module: Any, adapter: Adapter, name: str, *, merge: bool) -> Any:
    """The model with the adapter's layers in place of its own, or with their products added to its weights.

    Raises:
        BrokenModel: the adapter does not fit the model, does not change its layers (prompts, prefixes), or changes
            them only after certain tokens.
    """
    import peft

    own = set(module.state_dict())
    try:
        with quiet(), warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            wrapped: Any = peft.PeftModel.from_pretrained(module, str(adapter.folder), is_trainable=False)
            config = wrapped.peft_config["default"]
            if config.is_prompt_learning:
                raise BrokenModel(
                    f"{name!r} is {config.peft_type}: prompts before the text, no change of the model's weights, "
                    "so heads and neurons are those of its base; load that one"
                )
            _check_kind(config.to_dict(), name)
            _check_keys(wrapped, adapter, own, name)
            adapted = wrapped.merge_and_unload(safe_merge=True) if merge else wrapped.get_base_model()
    except BrokenModel:
        raise
    except Exception as error:  # peft raises whatever its parts raise
        raise BrokenModel(f"{name!r} does not fit its base {str(adapter.base)!r}: {first_line(error)}") from error
    for note in notes:
        if issubclass(note.category, UserWarning):
            warn(f"{name!r}: {first_line(note.message)}")  # type: ignore[arg-type]
    start = str(getattr(config, "init_lora_weights", ""))
    if "_niter_" in start:
        warn(
            f"{name!r} starts from random projections of its base (init_lora_weights={start!r}), which are drawn again "
            "at each load, so the numbers differ; convert it to plain LoRA with PEFT's "
            "path_initial_model_for_weight_conversion"
        )
    return adapted.eval()


def changes_base(config: Mapping[str, Any]) -> bool:
    """Whether an adapter's start takes a part out of the base's weights (PiSSA, OLoRA, LoftQ), as loading repeats it.

    Such factors, added to the base as it is stored, give another model.
    """
    start = config.get("init_lora_weights")
    return isinstance(start, str) and start.lower() not in _ONLY_FACTORS


def base_without_adapter(folder: Path) -> tempfile.TemporaryDirectory[str] | None:
    """A copy by links of a folder that holds base and adapter, without the adapter, which transformers would load.

    None for a folder without an adapter.
    """
    if not (folder / CONFIG).is_file():
        return None
    copied = tempfile.TemporaryDirectory(prefix="workbench-base-")
    for file in folder.iterdir():
        if not file.name.startswith("adapter_"):
            (Path(copied.name) / file.name).symlink_to(file.resolve())
    return copied


def _check_kind(config: Mapping[str, Any], name: str) -> None:
    """Refuse an adapter that its wrapper alone applies.

    Raises:
        BrokenModel: it changes only what follows its invocation tokens.
    """
    if config.get("alora_invocation_tokens"):
        raise BrokenModel(
            f"{name!r} is an activated LoRA (alora_invocation_tokens), which PEFT's wrapper switches on in each text; "
            "without the wrapper it changes nothing, so load its base, or a plain adapter"
        )


def _check_keys(wrapped: Any, adapter: Adapter, own: set[str], name: str) -> None:
    """Refuse weights without a place in the model and places without a weight, of which peft only warns."""
    import peft

    if (adapter.folder / _SAFE).is_file():
        with safe_open(adapter.folder / _SAFE, "pt") as file:
            stored = set(file.keys())
    else:
        stored = set(torch.load(adapter.folder / _PICKLED, map_location="cpu", weights_only=True))
    expected = set(peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False))
    missing = sorted(expected - stored)
    unused = sorted(
        key for key in stored - expected if key.removeprefix(_PREFIX).replace(".base_layer.", ".") not in own
    )
    if missing or unused:
        what = f"lacks {len(missing)} weights, first {missing[0]}" if missing else ""
        extra = f"holds {len(unused)} that its base has no place for, first {unused[0]}" if unused else ""
        raise BrokenModel(
            f"{name!r} does not fit its base {str(adapter.base)!r}: it {' and '.join(filter(None, (what, extra)))}"
        )


def _base(folder: Path, name: str, config: dict[str, Any]) -> str | Path:
    """What the adapter was trained on: the model beside it, a folder seen from it, or the name that it gives."""
    if (folder / "config.json").is_file() and weight_files(folder):
        return folder
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise BrokenModel(f"{name!r} does not say which model it changes: set base_model_name_or_path in its {CONFIG}")
    beside = (folder / base).expanduser()
    return beside if (beside / "config.json").is_file() else base


def _from_hub(name: str, settings: LoadSettings) -> Path | None:
    """The folder in the hub's cache of an adapter, fetched where there is a network; None for anything else."""
    folder: Path | None = None
    for file in (CONFIG, _SAFE, _PICKLED) if settings.allow_pickle else (CONFIG, _SAFE):
        try:
            place = cached_file(name, file, revision=settings.revision, _raise_exceptions_for_missing_entries=False)
        except (OSError, ValueError):  # no such repository, or no network: reading the model reports it
            return None
        if place is None and file == CONFIG:
            return None
        folder = Path(place).parent if place else folder
    return folder
