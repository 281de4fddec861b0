"""A small model, small texts, and the command line run in this process, without the hub."""

import os
import re

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import huggingface_hub.constants
import pytest
from typer.testing import CliRunner

from tests.models import save
from workbench.cli import app

_PROGRESS = re.compile(r"%\||^workbench [a-z -]+: (loading|reading) .* \.\.\.$|^\d+ results? to compute ")
TEXTS = {
    "de": ["Der Hund schläft im Garten.", "Wir trinken heute Tee.", "Das Haus ist alt.", "Sie liest ein Buch."],
    "fr": ["Le chien dort au jardin.", "Nous buvons du thé.", "La maison est vieille.", "Elle lit un livre."],
    "ja": ["犬は庭で寝ています。", "今日はお茶を飲みます。", "家は古いです。", "彼女は本を読みます。"],
}


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)  # runs/ goes there


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a tiny Llama with grouped key/value heads."""
    return str(save("llama", tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def corpus(tmp_path):
    """An aligned TSV of three languages."""
    path = tmp_path / "texts.tsv"
    rows = ["\t".join(TEXTS), *map("\t".join, zip(*TEXTS.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def pairs(tmp_path):
    """Three prompt pairs in a TSV."""
    path = tmp_path / "pairs.tsv"
    rows = ["source\ttarget\tanswer\tfoil", "one two\tone six\ta\tb", "red is\tsky is\tc\td", "1 + 2\t1 + 4\t3\t5"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def run():
    """Run `workbench ...`; returns exit_code, stdout, stderr."""
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def refused(run):
    """Run what must be refused: exit code 2 and one line on stderr, which is returned.

    Lines of progress do not count: a bar, what the command is about to load, how much there is to compute.
    """

    def check(*arguments):
        done = run(*arguments)
        lines = [line for line in done.stderr.splitlines() if line.strip() and not _PROGRESS.search(line)]
        assert done.exit_code == 2, (done.exit_code, done.output, done.exception)
        assert len(lines) == 1, done.stderr
        assert "Traceback" not in done.output
        return lines[0]

    return check
