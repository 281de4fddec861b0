"""What a type narrower than float32 costs, in words."""

from collections.abc import Mapping

import torch


def stated(dtype: torch.dtype, parity: Mapping[str, float]) -> str:
    """The weights' type and, where it is not float32, its measured difference from float32.

    Args:
        dtype: the weights' type.
        parity: figures of the checks at loading: `float32`, `float32_nll` and `logit_scale` are read.
    """
    name = str(dtype).removeprefix("torch.")
    if dtype == torch.float32:
        return name
    if "float32" not in parity:
        return f"{name}; its difference to float32 was not measured: a copy of the weights did not fit in memory"
    return (
        f"{name}; on a probe logits differ from float32 by up to {parity['float32']:.2g} (largest logit "
        f"{parity['logit_scale']:.3g}) and the loss by {parity['float32_nll']:.2g} nats"
    )
