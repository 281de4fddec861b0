"""Models, their sites, metrics and interventions; the only folder that imports TransformerLens."""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

_NAMES = {
    "Edit": "workbench.model.hooks",
    "Hook": "workbench.model.hooks",
    "Metric": "workbench.model.metrics",
    "Model": "workbench.model.model",
    "SITES": "workbench.model.sites",
    "Site": "workbench.model.sites",
    "after": "workbench.model.hooks",
    "answer_probability": "workbench.model.metrics",
    "before": "workbench.model.hooks",
    "capture": "workbench.model.activations",
    "edited": "workbench.model.edits",
    "hooked": "workbench.model.hooks",
    "load_model": "workbench.model.load",
    "logit_difference": "workbench.model.metrics",
    "nll": "workbench.model.metrics",
}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)

if TYPE_CHECKING:
    from workbench.model.activations import capture  # noqa: F401
    from workbench.model.edits import edited  # noqa: F401
    from workbench.model.hooks import Edit, Hook, after, before, hooked  # noqa: F401
    from workbench.model.load import load_model  # noqa: F401
    from workbench.model.metrics import Metric, answer_probability, logit_difference, nll  # noqa: F401
    from workbench.model.model import Model  # noqa: F401
    from workbench.model.sites import SITES, Site  # noqa: F401
