"""Subspaces that the tests of Lens share."""

import numpy as np

from workbench.results.make import make_result


def planted(model, *, languages=("en", "de", "fr"), rank=2, seed=0, **changes):
    """A subspace of random orthonormal components, as `wb.steering.subspace` has it."""
    rng = np.random.default_rng(seed)
    layers, width = model.n_layers, model.d_model
    basis = np.stack([np.linalg.qr(rng.standard_normal((width, rank)))[0].T for _ in range(layers)])
    mean = rng.standard_normal((len(languages), layers, width))
    parts = {
        "basis": (("layer", "component", "d"), basis),
        "agnostic": (("layer", "d"), rng.standard_normal((layers, width))),
        "shift": (("language", "layer", "d"), np.einsum("ald,lcd,lce->ale", mean, basis, basis)),
        "mean": (("language", "layer", "d"), mean),
        "residual_norm": (("layer",), np.full(layers, 4.0)),
    }
    parts |= changes
    named = {name: (*part, name) for name, part in parts.items()}
    return make_result(named, {"language": list(languages)}, method="steering.subspace", parameters={})
