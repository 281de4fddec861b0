"""The study of laboratories: its cells and sections, what resumes, and what it refuses."""

import pytest

import workbench as wb
from tests.laboratories.inside.cases import INSIDE, states
from tests.studies.laboratories.cases import result, scheduled
from workbench.errors import BadArgument
from workbench.laboratories.inside.states import compared
from workbench.studies import run_lab
from workbench.studies.report.store import load_report

QUIET = wb.studies.Options(progress=False)
GIVEN = []


def first(base="polyglot", *, trained=("de", "ja"), seeds=3, quick=False, inside=None, progress=True, seed=0, **rest):
    """A laboratory that looks inside."""
    GIVEN.append({"base": base, "seeds": seeds, "quick": quick, "inside": inside, "seed": seed, **rest})
    looked = states()
    made = result(0.5)
    names = {"recipe": looked["recipe"], "shuffled": looked["text"], "text": looked["before"]}
    return compared(made, INSIDE, looked["before"], names) if inside is not None else made


def second(*, seeds=2, quick=False, progress=True, seed=0):
    """A laboratory with several recipes, which trains its own models."""
    GIVEN.append({"seeds": seeds, "quick": quick})
    return scheduled()


@pytest.fixture(autouse=True)
def _two(monkeypatch):
    GIVEN.clear()
    named = {"more_from_less": first, "parallel_schedule": second}
    monkeypatch.setattr("workbench.studies.laboratories.registry.laboratories", lambda: named)


def test_all_are_cells_with_sections_and_a_second_run_trains_nothing_again(tmp_path):
    folder = run_lab("all", out=tmp_path / "run", quick=True, options=QUIET)
    assert sorted(path.name for path in folder.glob("*.nc")) == ["more_from_less.nc", "parallel_schedule.nc"]
    assert len(GIVEN) == 2
    sections = load_report(folder).sections
    assert [each.file for each in sections] == ["more_from_less.nc", "more_from_less.nc", "parallel_schedule.nc"]
    assert sections[0].finding.answer.startswith("Of 2 measures, more_from_less helps in 1")
    assert sections[1].finding.answer == wb.load_result(folder / "more_from_less.nc").attrs["finding_inside"]
    assert run_lab("all", out=folder, quick=True, options=QUIET) == folder
    assert len(GIVEN) == 2
    run_lab("all", out=folder, quick=True, seeds=2, options=QUIET)
    assert len(GIVEN) == 4, "another number of seeds is another result"


def test_the_base_and_its_texts_are_passed_and_looked_into(tmp_path):
    options = wb.studies.Options(progress=False, seed=5)
    run_lab("more_from_less", out=tmp_path / "run", base="polyglot-aligned", languages="de,ja,fr", options=options)
    (given,) = GIVEN
    assert (given["base"], given["languages"], given["seed"], given["seeds"]) == ("polyglot-aligned", "de,ja,fr", 5, 3)
    assert given["inside"].corpus.languages == ("de", "ja", "fr")
    assert given["inside"].trained == ("de", "ja")


def test_texts_are_read_as_the_options_say_and_a_result_is_of_their_content(tmp_path):
    table = tmp_path / "texts.tsv"
    rows = [("src", "mt"), ("Der Hund", "The dog"), ("Die Katze", "The cat"), ("Der Hund", "The dog")]
    table.write_text("".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
    columns = {"src": "de", "mt": "ja"}
    options = wb.studies.Options(progress=False, columns=columns, deduplicate=True)
    for expected in ({"de": 2, "ja": 2}, {"de": 3, "ja": 3}):
        run_lab("more_from_less", out=tmp_path / "run", corpus=str(table), inside=False, options=options)
        assert GIVEN[-1]["corpus"].counts == expected
        table.write_text(table.read_text(encoding="utf-8") + "Ein Baum\tA tree\n", encoding="utf-8")
    assert len(GIVEN) == 2


def test_words_are_read_first_and_a_result_is_of_their_content(tmp_path):
    table = tmp_path / "words.tsv"
    table.write_text("concept\tde\tja\ndog\tHund\t犬\ncat\tKatze\t猫\n", encoding="utf-8")
    for count in (2, 3):
        for _ in range(2):
            run_lab("more_from_less", out=tmp_path / "run", words=str(table), inside=False, options=QUIET)
        assert len(GIVEN) == count - 1
        assert len(GIVEN[-1]["words"]) == count
        table.write_text(table.read_text(encoding="utf-8") + "tree\tBaum\t木\n", encoding="utf-8")
    with pytest.raises(wb.errors.BadCorpus, match="missing"):
        run_lab("more_from_less", out=tmp_path / "other", words=str(tmp_path / "missing.tsv"), options=QUIET)
    assert len(GIVEN) == 2


def test_nothing_inside_is_looked_at_where_it_is_left_out(tmp_path):
    folder = run_lab("more_from_less", out=tmp_path / "run", inside=False, options=QUIET)
    assert GIVEN[0]["inside"] is None
    assert len(load_report(folder).sections) == 1


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("less", {}, "name='less'"),
        ("more_from_less", {"seeds": 0}, "seeds=0"),
        ("parallel_schedule", {"base": "polyglot-aligned"}, "parallel_schedule takes no base"),
        ("parallel_schedule", {"words": "w.tsv"}, "parallel_schedule takes no words"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(name, given, message, tmp_path):
    with pytest.raises(BadArgument, match=message):
        run_lab(name, out=tmp_path / "run", options=QUIET, **given)
    assert not GIVEN


def test_a_missing_base_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(wb.errors.UnknownModel):
        run_lab("all", out=tmp_path / "run", base="no-such-model", options=QUIET)
    assert not GIVEN
