"""Language neurons: how often each one fires in each language, and which languages it serves."""

from workbench.neurons.compare import compare
from workbench.neurons.experts import experts
from workbench.neurons.firing import firing
from workbench.neurons.generation import generation_share
from workbench.neurons.knockout import knockout
from workbench.neurons.lape import lape
from workbench.neurons.look import look
from workbench.neurons.merge import merge
from workbench.neurons.plnd import plnd
from workbench.neurons.routing import expert_counts, routing
from workbench.neurons.stability import pieces, stability
from workbench.neurons.stages import stages
from workbench.neurons.steer import steer
from workbench.neurons.strength import means, quantiles
from workbench.neurons.ternary import ternary
from workbench.results.identified import compare_identifiers
from workbench.text.identify import by_lingua, by_trigrams

__all__ = [
    "by_lingua",
    "by_trigrams",
    "compare",
    "compare_identifiers",
    "expert_counts",
    "experts",
    "firing",
    "generation_share",
    "knockout",
    "lape",
    "look",
    "means",
    "merge",
    "pieces",
    "plnd",
    "quantiles",
    "routing",
    "stability",
    "stages",
    "steer",
    "ternary",
]
