"""The study of the lens: what every layer would say, in which language, and how sure it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.lens import by_language, latent, tune
from workbench.studies.findings import patches as findings
from workbench.studies.findings import routes
from workbench.studies.findings.words import language
from workbench.studies.options import Options, common_key
from workbench.studies.report import recipe, write_report
from workbench.studies.runs import locks_folder, open_run
from workbench.studies.sections import section
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus
from workbench.text.words import load_words


@locks_folder
def run_lens(
    model: Any,
    *,
    source: str,
    target: str,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    words: str = "words",
    shots: int = 5,
    tuned: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> Path:
    """Read every layer of translation prompts through the lens, and write a report.

    Args:
        model: what `load_model` takes, or a Model.
        source: language of the words that are shown.
        target: language of the words that are asked for.
        out: the run folder; cells that are there already with the same key are not computed again.
        languages: those to tell apart; all of the words' when None.
        words: what `load_words` reads.
        shots: translations shown before each question.
        tuned: a corpus to train a tuned lens on, and read with it; the logit lens when None.
        limit: most concepts.
        options: how to compute.

    Returns:
        The run folder, with `lens.nc`, `latent.nc`, `tuned.nc` where asked, `report.html`.

    Raises:
        CannotWrite: the folder cannot be written; before anything is computed.
        UnknownLanguage: a language is not among the words.
        BadPairs: the words of all languages begin alike.
        Interrupted: Ctrl-C; the line says what is finished and where.
    """
    options = (options or Options()).plain("the lens")
    run = open_run(out)
    frame = load_words(words)
    texts: Corpus | None = None if tuned is None else load_corpus(tuned, limit=24)
    loaded = options.load(model)
    key = common_key(loaded, options, texts)
    lens = None
    if texts is not None:
        how = {"truncate": options.truncate, "batch_size": options.batch_size, "seed": options.seed}
        lens = run.cell(
            "tuned", {**key, "method": "tune"}, lambda: tune(loaded, texts, progress=options.progress, **how)
        )
    asked = languages.split(",") if isinstance(languages, str) else languages
    given = {"source": source, "target": target, "languages": asked, "shots": shots, "limit": limit}
    key = {**key, "words": frame.attrs["hash"], **given}
    said = run.cell(
        "lens", {**key, "method": "lens"}, lambda: by_language(loaded, frame, tuned=lens, **given, **options.sweep)
    )
    whose = run.cell(
        "latent", {**key, "method": "latent"}, lambda: latent(loaded, frame, tuned=lens, **given, **options.sweep)
    )
    kind = "logit lens" if lens is None else "tuned lens"
    layers = "Layer 0 is the embedding, the last state the model's output; bands are 95 % intervals over concepts."
    sections = [
        section(
            "lens",
            said,
            figures.curves(said, "probability", mark=target),
            reading=f"The probability of the right word of each language, through the {kind}. Concepts whose words "
            f"begin alike are left out (at most {int(said.collided.max())} of {said.sizes['concept']}). {layers}",
            finding=findings.lens(said, target),
        ),
        section(
            "latent",
            whose,
            figures.curves(whose, "mass", mark=target),
            reading=f"The probability of all tokens that begin words of one language alone, through the {kind}, "
            f"whatever the word. {layers}",
            finding=routes.latent(whose),
        ),
        section(
            "latent",
            whose,
            figures.curves(whose, "entropy", title="How sure is each layer?"),
            reading=f"Entropy of the {kind}: high is undecided, 0 is certain. {layers}",
            finding=routes.sureness(whose),
        ),
    ]
    write_report(
        run.folder,
        title=f"{kind.capitalize()} of {loaded.name}: {language(source)} into {language(target)}",
        question="In which language does each layer already know the answer?",
        sections=sections,
        main=("lens", "latent"),
        recipe=recipe(
            run_lens,
            "lens",
            model,
            out=out,
            options=options,
            **{**given, "languages": languages, "words": words, "tuned": tuned},
        ),
    )
    return run.folder
