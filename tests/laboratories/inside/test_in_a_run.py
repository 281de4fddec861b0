"""A run that looks inside: its variables come with the Result, and a control without steps changes nothing."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import CORPUS, WORDS
from tests.models import byte_tokenizer, tiny


@pytest.mark.parametrize("parts", [["neurons", "heads", "lens", "concepts"]])
def test_variables_come_with_the_result(parts):
    look = wb.laboratories.inside(CORPUS, WORDS, shots=1, parts=parts, progress=False)
    recipe = wb.laboratories.Recipe(
        "small", wb.laboratories.lines(["de", "en"]), wb.laboratories.text(), wb.laboratories.everything(), 2, 2, 32
    )
    result = wb.laboratories.run(
        recipe,
        tiny("llama"),
        tokenizer=byte_tokenizer(),
        words=WORDS,
        corpus=CORPUS,
        languages=["de", "en"],
        measures=lambda made: [wb.laboratories.bits_per_byte(made.test)],
        controls=["none"],
        seeds=1,
        inside=look,
        progress=False,
    )
    assert result.inside_lens.dims == ("condition", "language", "state")
    alike = result.sel(condition="none")
    assert float(alike.inside_kappa) == 1
    np.testing.assert_allclose(alike.inside_lens_change, 0, atol=1e-6)
    assert float(abs(result.sel(condition="recipe").inside_lens_change).max()) > 1e-6
    assert result.attrs["finding_inside"]
