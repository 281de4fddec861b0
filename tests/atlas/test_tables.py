"""Claims as a table to read."""

import numpy as np
import pandas as pd

from workbench.atlas.tables import side_by_side


def test_claims_stand_in_rows_and_models_in_columns_as_given():
    rows = [
        ("second", "b", 0.5, 0.25, 0.75, "holds"),
        ("second", "a", -0.5, np.nan, np.nan, "undecided"),
        ("first", "b", np.nan, np.nan, np.nan, "not measured"),
        ("first", "a", 1.0, 0.5, 1.5, "holds"),
    ]
    table = side_by_side(pd.DataFrame(rows, columns=["claim", "model", "estimate", "low", "high", "verdict"]))
    assert list(table.columns) == ["b", "a"] and list(table.index) == ["second", "first"]
    assert table.loc["second"].tolist() == ["holds: 0.50 [0.25, 0.75]", "undecided: -0.50"]
    assert table.loc["first"].tolist() == ["not measured", "holds: 1.00 [0.50, 1.50]"]
