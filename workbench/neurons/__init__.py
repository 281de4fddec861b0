"""Language neurons: how often each one fires in each language, and which languages it serves."""

from workbench.neurons.classes.distribution import distribution
from workbench.neurons.classes.experts import experts
from workbench.neurons.classes.lape import lape
from workbench.neurons.classes.plnd import plnd
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.compare import compare
from workbench.neurons.counts.firing import firing
from workbench.neurons.counts.merge import merge
from workbench.neurons.counts.strength import means, quantiles
from workbench.neurons.effects.generation import generation_share
from workbench.neurons.effects.knockout import knockout
from workbench.neurons.effects.steer import steer
from workbench.neurons.look import look
from workbench.neurons.mixtures.routing import expert_counts, routing
from workbench.neurons.neuron_score import NeuronScore, score_result
from workbench.neurons.stability import pieces, stability
from workbench.neurons.stages import stages
from workbench.results.identified import compare_identifiers
from workbench.text.identification.identify import by_lingua, by_trigrams

__all__ = [
    "NeuronScore",
    "by_lingua",
    "by_trigrams",
    "compare",
    "compare_identifiers",
    "distribution",
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
    "score_result",
    "stability",
    "stages",
    "steer",
    "ternary",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
