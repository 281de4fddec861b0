"""Small arguments of the laboratories that choose languages."""

import workbench as wb
from tests.laboratories.cases import CORPUS, base, materials
from tests.models import byte_tokenizer


def public():
    """Name of a public function to arguments that it takes."""
    words = wb.load_words(languages="de,en,fr").head(30)  # a tenth of each direction is measured
    whole = {"words": words, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False, "quick": True}
    whole |= {"steps": 1, "seeds": 1}
    return {
        "laboratories.answer_bits": {
            "materials": materials(),
            "directions": [("de", "en")],
            "form": "line",
            "limit": 1,
        },
        "laboratories.choose": {"features": wb.laboratories.features("typology"), "k": 2, "by": "diverse", "seed": 0},
        "laboratories.features": {"source": "typology", "languages": ["de", "en"]},
        "laboratories.typological": {"base": base(), "k": 2, "choices": ["diverse"], "source": "typology", **whole},
        "laboratories.vocabulary_quadrants": {"base": base(), "trained": "de", "pivot": "en", **whole},
    }
