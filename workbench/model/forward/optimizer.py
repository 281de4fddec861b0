"""The tensors that an Adam optimizer changes, so that a training can be stopped and go on."""

import torch
from torch import Tensor


def adam_state(optimizer: torch.optim.Adam | torch.optim.AdamW, **parameters: Tensor) -> dict[str, Tensor]:
    """Parameters and moments by name; moments that no step has made yet are made, at zero, as the first step would.

    Args:
        optimizer: whose state is given.
        parameters: what it trains, by name.
    """
    found = {}
    for name, parameter in parameters.items():
        own = optimizer.state[parameter]
        if not own:
            own["step"] = torch.zeros(())
            own["exp_avg"], own["exp_avg_sq"] = torch.zeros_like(parameter.data), torch.zeros_like(parameter.data)
        found |= {name: parameter.data, **{f"{name} {what}": value for what, value in own.items()}}
    return found
