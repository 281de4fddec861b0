"""What is printed: nothing in names of files of others moves the cursor, and no line fills the screen."""

import pandas as pd
import pytest

from workbench.errors import BadCorpus, WorkbenchWarning
from workbench.terminal import seen, show_table, single_line, warn

EVIL = "a\x1b[2J\x07\x9b31m\u202eb"
SHOWN = r"a\x1b[2J\x07\x9b31m\u202eb"


def test_control_characters_are_spelled_out_and_letters_stay():
    assert seen(EVIL) == SHOWN
    for text in ("हिन्दी", "می\u200cخواهم", "日本語 — “x”", "a  b"):
        assert seen(text) == text
    assert single_line("a\nb\r\n c") == "a b c"
    assert single_line("x" * 5000) == "x" * 2000 + " … and 3000 more characters"


def test_a_warning_cannot_write_to_the_screen(capsys):
    warn(f"{EVIL}\nsecond", WorkbenchWarning)
    assert capsys.readouterr().err == f"Warning: {SHOWN} second\n"


def test_a_table_cannot_write_to_the_screen(capsys, tmp_path):
    show_table(pd.DataFrame({EVIL: [EVIL], "[bold]x": ["[red]y"]}, index=[EVIL]), None, quiet=False)
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\x07\x9b\u202e")
    assert out.count(SHOWN) == 3
    assert "[bold]x" in out and "[red]y" in out


@pytest.mark.parametrize("error", [BadCorpus(f"{EVIL} is {'long ' * 1000}")])
def test_an_error_is_one_short_line(monkeypatch, capsys, error):
    import typer
    from typer.testing import CliRunner

    from workbench.terminal import ErrorReportingGroup

    app = typer.Typer(cls=ErrorReportingGroup)

    @app.callback()
    def start(debug: bool = False) -> None:
        pass

    @app.command()
    def fail() -> None:
        raise error

    done = CliRunner().invoke(app, ["fail"])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"BadCorpus: {SHOWN} is long long")
    assert done.stderr.endswith("more characters\n") and len(done.stderr) < 2100


def test_a_missing_number_is_a_dash_and_a_whole_number_has_no_point(capsys):
    show_table(pd.DataFrame({"p": [float("nan"), 0.5], "items": [16, 8]}, index=["de", "fr"]), None, quiet=False)
    out = capsys.readouterr().out
    assert out.count("–") == 1 and "nan" not in out and "0.5" in out and "16.0" not in out
