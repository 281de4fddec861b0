"""`workbench compare`: what it prints of two models, and that it ends well."""

import pytest

from workbench.results.files import load_result

MODELS = ("polyglot", "polyglot-aligned")
TEXTS = ("--languages", "de,en", "--limit", "6", "--out", "c1")


@pytest.mark.parametrize(("more", "last"), [((), []), (("--pairs", "words:de-en"), ["exchange"])])
def test_compare(run, tmp_path, more, last):
    done = run("compare", *MODELS, *TEXTS, *more)
    assert done.exit_code == 0, done.stderr
    parts = sorted(["outputs", "states", "heads", "neurons", *last])
    *sentences, report = done.stdout.splitlines()
    findings, files = sentences[: -len(parts)], sentences[-len(parts) :]
    assert (files, report) == ([f"c1/{part}.nc" for part in parts], "c1/report.html")
    titles = ["Outputs", "States", "Heads", "Neurons", *["Exchange of states"][: len(last)]]
    assert [line.split(": ")[0] for line in findings] == titles
    sure = int((load_result("c1/heads.nc").p_value < 0.05).sum())
    assert findings[2].startswith(f"Heads: {sure or 'No'} ")
