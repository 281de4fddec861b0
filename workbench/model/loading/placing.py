"""Where a model's weights go and in which type: device, several devices, quantised."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import torch
import transformers

from workbench.arguments import shown
from workbench.errors import BadArgument
from workbench.model.loading.read import LoadSettings

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_INSTEAD = "dtype='bfloat16' halves the memory of float32 everywhere"


def read_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """The type of this name; float32 for None.

    Raises:
        BadArgument: models do not run in this type.
    """
    if dtype is None:
        return torch.float32
    known = _DTYPES.get(str(dtype).removeprefix("torch."))
    if known is None:
        raise BadArgument(f"dtype {dtype!r} is not supported (has: {', '.join(_DTYPES)})")
    return known


def read_device(device: str | torch.device | None) -> torch.device:
    """The device of this name; for None a GPU where there is one.

    Raises:
        BadArgument: it is not available.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device or "none")
        if chosen.type == "meta":
            raise NotImplementedError
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        have = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        raise BadArgument(f"device {device!r} cannot be used here (has: {', '.join(have)})") from error
    return chosen


def read_options(
    device: torch.device, dtype: torch.dtype, device_map: Any, quantization: str | None, *, explicit: bool
) -> dict[str, Any]:
    """What `from_pretrained` takes for these; empty for a model that is moved to one device afterwards.

    Args:
        device: where the model goes.
        dtype: of what is not quantised.
        device_map: `"auto"`, or a device by the name of each part; accelerate places the weights.
        quantization: `"4bit"` or `"8bit"`.
        explicit: whether the caller named the device.

    Raises:
        BadArgument: they exclude each other, are unknown, or need hardware or a package that is missing.
    """
    options: dict[str, Any] = {}
    if device_map is not None:
        if explicit:
            raise BadArgument("device= and device_map= exclude each other: give one of them")
        if not isinstance(device_map, str | Mapping | int | torch.device):
            raise BadArgument(
                f"device_map={shown(device_map)}; give 'auto', or a dict from parts of the model to devices"
            )
        options["device_map"] = device_map
    if quantization is not None:
        options["quantization_config"] = _quantised(quantization, dtype)
        if not torch.cuda.is_available() or (device_map is None and device.type != "cuda"):
            raise BadArgument(f"quantization={quantization!r} needs an NVIDIA GPU, and there is none here; {_INSTEAD}")
        if find_spec("bitsandbytes") is None:
            raise BadArgument(f"quantization={quantization!r} needs bitsandbytes: pip install bitsandbytes; {_INSTEAD}")
        options.setdefault("device_map", {"": device})
    return options


def bytes_per_weight(settings: LoadSettings) -> int | None:
    """Bytes that one weight takes in the machine's memory; None where accelerate decides where it goes."""
    return None if settings.options else settings.dtype.itemsize


def refuse_with_module(**options: Any) -> None:
    """Refuse options of reading for a module that is in memory already.

    Raises:
        BadArgument: names the option.
    """
    for option, value in options.items():
        if value is not None:
            raise BadArgument(
                f"{option}={shown(value)} is for what is read from a folder or the hub; "
                "a module in memory is taken as it is"
            )


def refuse_moving(module: Any, device: Any, dtype: Any) -> None:
    """Refuse to move or convert a module that was dispatched to several devices, or quantised.

    Raises:
        BadArgument: states what would work.
    """
    dispatched = len(set((getattr(module, "hf_device_map", None) or {}).values())) > 1
    quantised = getattr(module, "quantization_method", None) is not None
    if (dispatched and device is not None) or (quantised and (device is not None or dtype is not None)):
        what = "quantised" if quantised else "spread over several devices"
        raise BadArgument(f"a {type(module).__name__} that is {what} stays as it is: leave device= and dtype= out")


def _quantised(quantization: str, dtype: torch.dtype) -> Any:
    if quantization not in ("4bit", "8bit"):
        raise BadArgument(f"quantization={quantization!r}; it is None, '4bit' or '8bit'")
    if quantization == "8bit":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
