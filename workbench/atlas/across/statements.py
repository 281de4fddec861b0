"""The claims that are compared: what each says, who made it, and how it is measured."""

from collections.abc import Callable
from dataclasses import dataclass

from workbench.atlas.across.evidence import Draws, Evidence
from workbench.atlas.across.handover import concept_handover, english_between, target_takes_over
from workbench.atlas.across.likeness import Reason, own_heads, shared_by
from workbench.atlas.across.neuron_layers import outer_thirds
from workbench.atlas.across.reading import ABLATION, FIRING, LAPE, TERNARY, OfModel

OURS = "a question of ours"
_DIFFERENCE, _DEPTH, _CORRELATION = "difference of shares", "depth from 0 to 1", "partial correlation"


@dataclass(frozen=True)
class Statement:
    """A claim.

    Attributes:
        claim: What it says, as a clause.
        paper: Who made it.
        unit: Of the estimate.
        measure: From the results of a model, its evidence.
        bar: The claim holds above it.
        form: How its numbers are written.
    """

    claim: str
    paper: str
    unit: str
    measure: Callable[[OfModel, Draws], Evidence]
    bar: float = 0.0
    form: str = ".2f"


def _outer(name: str) -> Callable[[OfModel, Draws], Evidence]:
    return lambda results, draws: outer_thirds(results, name, draws)


def _shared(name: str, reason: Reason) -> Callable[[OfModel, Draws], Evidence]:
    return lambda results, draws: shared_by(results, name, reason, draws)


LAPE_OUTER = Statement(
    "a language's LAPE neurons lie in the outer thirds of the layers",
    "arXiv 2402.16438",
    _DIFFERENCE,
    _outer(LAPE),
    form="+.2f",
)
TERNARY_OUTER = Statement(
    "a language's specific neurons lie in the outer thirds of the layers",
    "arXiv 2505.21505",
    _DIFFERENCE,
    _outer(TERNARY),
    form="+.2f",
)
HANDOVER = Statement(
    "the concept is handed over to the last token after the middle of the depth",
    "arXiv 2411.08745",
    _DEPTH,
    concept_handover,
    bar=0.5,
)
TAKEOVER = Statement(
    "the target language takes over from the shown one after the middle of the depth",
    "arXiv 2402.10588",
    _DEPTH,
    target_takes_over,
    bar=0.5,
)
ENGLISH = Statement(
    "English is ahead of the target language in the middle of the depth",
    "arXiv 2402.10588",
    "difference of probabilities",
    english_between,
    form="+.2g",
)
OWN_HEADS = Statement(
    "a language has heads of its own", "arXiv 2511.07498", "difference of correlations", own_heads, form="+.2f"
)
HEADS_SCRIPT = Statement(
    "languages of one script share heads",
    "arXiv 2604.05090, there of neurons",
    _CORRELATION,
    _shared(ABLATION, "script"),
)
HEADS_LENGTH = Statement("languages of like token counts share heads", OURS, _CORRELATION, _shared(ABLATION, "length"))
NEURONS_SCRIPT = Statement(
    "languages of one script share neurons", "arXiv 2604.05090", _CORRELATION, _shared(FIRING, "script")
)
NEURONS_LENGTH = Statement(
    "languages of like token counts share neurons", OURS, _CORRELATION, _shared(FIRING, "length")
)
STATEMENTS = (
    LAPE_OUTER,
    TERNARY_OUTER,
    HANDOVER,
    TAKEOVER,
    ENGLISH,
    OWN_HEADS,
    HEADS_SCRIPT,
    HEADS_LENGTH,
    NEURONS_SCRIPT,
    NEURONS_LENGTH,
)
