"""States of tiny models, looked at once, and planted ones."""

from functools import cache

import numpy as np
import pandas as pd

import workbench as wb
from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from workbench.results.make import make_result

WORDS = pd.DataFrame(
    {
        "en": ["apple", "dog", "house", "mouse", "sea", "tree", "kite"],
        "de": ["Xpfel", "Dackel", "Haus", "Maus", "Zee", "Baum", "Kranich"],
        "fr": ["1pomme", "2chien", "3maison", "souris", "4mer", "5arbre", "6vent"],
    },
    index=pd.Index(list("abcdefg"), name="concept"),
)
INSIDE = wb.laboratories.inside(CORPUS, WORDS, trained="de", shots=1, **QUICK)


@cache
def states():
    """What `look` returns of a base and of two models with other weights: a little other, and more."""
    models = {"before": made(), "recipe": moved(["layers.1"], size=0.2), "text": moved(["layers.1"], size=0.02)}
    return {name: INSIDE.look(model) for name, model in models.items()}


def planted(*, kind=None, slopes=None, lens=None, patched=None, clusters=None):
    """A state with given values: kind [layer, neuron] of members of "de" alone, slopes [language, sample, layer, head],
    lens [language, concept, state], patched [answer, pair, state].
    """
    variables = {}
    if kind is not None:
        kind = np.array(kind)
        member = np.zeros((2, *kind.shape), dtype=bool)
        member[0] = np.isin(kind, ["specific", "related"])
        variables |= {"kind": (("layer", "neuron"), kind, "class")}
        variables |= {"member": (("language", "layer", "neuron"), member, "member")}
    if slopes is not None:
        own = np.tile(np.arange(np.shape(slopes)[1]), (2, 1)) if clusters is None else np.array(clusters)
        variables["sample_gradient"] = (("language", "sample", "layer", "head"), np.array(slopes, float), "slope")
        variables["sample_cluster"] = (("language", "sample"), own, "cluster")
    if lens is not None:
        variables["lens"] = (("language", "concept", "state"), np.array(lens, float), "probability")
        own = np.tile(np.arange(np.shape(lens)[1]), (2, 1))
        variables["concept_cluster"] = (("language", "concept"), own, "cluster")
    if patched is not None:
        variables["patched"] = (("answer", "pair", "state"), np.array(patched, float), "probability")
        variables["pair_cluster"] = (("pair",), np.arange(np.shape(patched)[1]), "cluster")
    coords = {"language": ["de", "en"]} | ({"answer": ["concept", "language"]} if patched is not None else {})
    parameters = {"top_rate": 0.05, "bar": 0.95, "target": "de"}
    return make_result(variables, coords, method="laboratories.inside", parameters=parameters)
