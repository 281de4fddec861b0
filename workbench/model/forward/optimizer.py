"""The tensors that an Adam optimizer changes, so that a training can be stopped and resumed."""

import torch
from torch import Tensor


def adam_state(optimizer: torch.optim.Adam | torch.optim.AdamW, **parameters: Tensor) -> dict[str, Tensor]:
    """Parameters and moments by name; before the first step the moments are made, at zero, as that step would.

    Args:
        optimizer: whose state is given.
        parameters: what it trains, by name.
    """
    state = {}
    for name, parameter in parameters.items():
        moments = optimizer.state[parameter]
        if not moments:
            moments["step"] = torch.zeros(())
            moments["exp_avg"], moments["exp_avg_sq"] = (
                torch.zeros_like(parameter.data),
                torch.zeros_like(parameter.data),
            )
        state |= {name: parameter.data, **{f"{name} {what}": value for what, value in moments.items()}}
    return state
