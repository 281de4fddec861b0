import workbench as wb

WORDS = "concept\ten\tde\tfr\tes\n" + "".join(
    f"c{i}\t{a}en\t{a.upper()}de\t{i}fr\t{s}es\n" for i, (a, s) in enumerate(zip("bcdfghk", "!?+*(=<", strict=True))
)


def test_concepts_write_a_cell_for_each_experiment_and_go_on(run, model, tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    arguments = (
        "patch",
        "concepts",
        model,
        "--words",
        tmp_path / "words.tsv",
        "--source",
        "en-de",
        "--target",
        "es-fr",
    )
    more = ("--mean-over", "en,es", "--shots", "1", "--limit", "3", "--out", tmp_path / "run", "--quiet")
    printed = run(*arguments, *more)
    assert printed.exit_code == 0, printed.output
    for name in ("last", "concept", "mean"):
        assert wb.load_result(tmp_path / "run" / f"{name}.nc").sizes["pair"] == 3
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "3 pairs of concepts; 0 concepts collide" in text
    before = (tmp_path / "run" / "mean.nc").stat().st_mtime_ns
    assert run(*arguments, *more).exit_code == 0
    assert (tmp_path / "run" / "mean.nc").stat().st_mtime_ns == before


def test_onsets(run, model, tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    printed = run(
        *("patch", "onsets", model, "--words", tmp_path / "words.tsv", "--languages", "de,fr", "--shots", "1"),
        *("--limit", "2", "--out", tmp_path / "run", "--quiet"),
    )
    assert printed.exit_code == 0, printed.output
    assert wb.load_result(tmp_path / "run" / "onsets_last.nc").sizes["source_language"] == 2
    assert "Over 2 ordered pairs of languages" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_route_that_is_none_is_refused(refused, model):
    assert refused("patch", "concepts", model, "--source", "de-de").startswith("BadArgument: 'de-de' is not a language")
