"""Small arguments of the laboratories that choose languages."""

import workbench as wb


def public():
    """Name of a public function to arguments that it takes."""
    return {
        "laboratories.choose": {"features": wb.laboratories.features("typology"), "k": 2, "by": "diverse", "seed": 0},
        "laboratories.features": {"source": "typology", "languages": ["de", "en"]},
    }
