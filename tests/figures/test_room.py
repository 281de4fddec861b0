"""Figures come without torch and without a model."""

import subprocess
import sys


def test_figures_import_neither_torch_nor_transformers():
    code = "import sys, workbench.figures; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
