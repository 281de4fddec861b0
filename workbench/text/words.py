"""Word lists of concepts in many languages, and translation prompts made from them."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import shipped
from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, BadCorpus, BadPairs, warn
from workbench.text.characters import composed, normalized, tokenizable
from workbench.text.chat import Chat
from workbench.text.clusters import word_clusters
from workbench.text.corpus import chosen, digest
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import Table, frame_table
from workbench.text.formats.delimited import read_table
from workbench.text.formats.headers import duplicates, identifiers, language_columns
from workbench.text.formats.tables import keep_complete, text_cell
from workbench.text.languages import autonym
from workbench.text.pairs import Pair, Pairs, first_tokens
from workbench.text.tokens.following import token_ids


@checked
def load_words(
    source: Any = "words",
    *,
    languages: str | Sequence[str] | None = None,
    columns: Mapping[str, str | None] | None = None,
    normalize: str | None = "NFC",
) -> pd.DataFrame:
    """Load a word list: one row per concept, one column per language.

    Args:
        source: "words" (shipped: at least 120 concepts in 12 languages), a TSV or CSV, or a pandas frame, with a column
            per language; `concept` names the rows (else the index of a frame with that name, else `id` if it is not
            Indonesian, else the first language), `pos` is the part of speech.
        languages: codes to keep, in this order; all when None. A row that lacks one of them is dropped, with a warning.
        columns: contents of columns, if not clear from their headers: {"word": "de", "id": None}.
        normalize: the Unicode form to which words are converted, with a warning; None leaves them as they are.

    Returns:
        Frame [concept, language] of words; `attrs` has `pos` (concept to part of speech), `source`, `hash`, `dropped`,
        and `ignored` (columns without a language).

    Raises:
        BadCorpus: missing, empty, not UTF-8, without languages, ragged, a concept twice, or a word that is not text;
            names the place.
        UnknownLanguage: a code that no language has, or a requested language that is missing.
        BadArgument: `columns` names a missing column, or unknown `normalize`.
    """
    table, name = _word_table(source)
    used = [header for header in table.columns if header in ("concept", "pos") or header.lower() == "id"]
    roles = {header: None for header in ("concept", "pos") if header in table.columns} | dict(columns or {})
    read = language_columns(table.columns, name, languages=languages, columns=roles, used=used)
    cells = read.languages
    labels = table.columns.get("concept") or identifiers(table.columns, read) or next(iter(cells.values()))
    if languages is not None:
        cells = {language: cells[language] for language in chosen(languages, list(cells), where=name)}
    rows = keep_complete({"concept": labels, **cells}, name)
    words = {
        language: [text_cell(column[row], table, row, name, read.headers[language]).strip() for row in rows]
        for language, column in cells.items()
    }
    words = {language: list(column) for language, column in normalized(words, normalize, name).items()}
    concepts = [composed(tokenizable(str(labels[row])), normalize) for row in rows]
    if repeated := duplicates(concepts):
        raise BadCorpus(f"{name}: concepts come more than once: {shortened(repeated)}; a concept has one row")
    frame = pd.DataFrame(words, index=pd.Index(concepts, name="concept"))
    _warn_repeats(frame, name)
    parts = table.columns.get("pos", [])
    frame.attrs = {
        "pos": {concept: parts[row] for concept, row in zip(concepts, rows, strict=True)} if parts else {},
        "source": name,
        "hash": digest([concepts, sorted(words.items())]),
        "dropped": len(table.places) - len(rows),
        "normalize": normalize,
        "ignored": [header for header in read.ignored if header not in used],
    }
    return frame


def _warn_repeats(frame: pd.DataFrame, name: str) -> None:
    """Warn of concepts that repeat the words of another concept in every language."""
    later = frame.index[pd.Series(word_clusters(frame)).duplicated().to_numpy()]
    if len(later):
        warn(
            f"{name}: rows that repeat another row in every language are no further evidence: "
            f"{len(later)} of {len(frame)} ({shortened(list(later))}); intervals draw equal rows together"
        )


def _word_table(source: Any) -> tuple[Table, str]:
    if isinstance(source, pd.DataFrame):
        return frame_table(source.reset_index() if source.index.name == "concept" else source, BadCorpus), "frame"
    if isinstance(source, str | Path):
        return read_table(shipped.DATA / "words.tsv" if source == "words" else Path(source), BadCorpus), str(source)
    raise BadCorpus(f"cannot read words from {type(source).__name__}; give 'words', a path or a pandas frame")


@checked
def translation_pairs(
    words: pd.DataFrame | str,
    *,
    source: str,
    target: str,
    shots: int = 5,
    seed: int = 0,
    limit: int | None = None,
    tokenizer: Any = None,
    chat: bool = False,
) -> Pairs:
    """Make few-shot translation prompts, one pair for each concept.

    A prompt has `shots` translations and asks for one more: `Deutsch: "Hund" - Français: "`. The two prompts of a
    pair have the same shots and ask for different concepts: the target prompt (whose run is patched) for A, the source
    prompt (whose activations are taken) for B. The answer is B and the foil A in the target language, so an effect of 0
    is the unpatched target run, and 1 the source run. After Dumas et al. (arXiv 2411.08745).

    Args:
        words: frame of `load_words`, or a source for it.
        source: language code of the given words.
        target: language code of the requested words.
        shots: translations shown before the question.
        seed: seed of the order of concepts and of the shots.
        limit: most pairs to make; all when None.
        tokenizer: when given, B is a concept whose word has as many tokens as A's, so that the prompts have equal
            length; concepts without such a partner, and pairs whose answer and foil can begin with the same token, are
            dropped and counted.
        chat: the prompts are user turns in the model's chat template, and the answer is the beginning of the assistant
            turn. With `tokenizer`, lengths are of whole turns.

    Returns:
        Pairs; `dropped` counts those left out: no partner of the same length, or answers with the same first token.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: fewer concepts than `shots` + 2, a negative `shots` or `limit`, or `chat` and a tokenizer without a
            chat template.
        BadPairs: no pair is left.

    Example:
        >>> import workbench as wb
        >>> pairs = wb.translation_pairs(wb.load_words(), source="de", target="fr", shots=2, limit=8)
        >>> pairs[0].target.splitlines()[0].startswith('Deutsch: "')
        True
    """
    frame, source_language, target_language = _word_columns(words, source, target)
    _check_numbers(shots, limit)
    _check_tokenizer(tokenizer)
    if len(frame) < shots + 2:
        raise BadArgument(f"{len(frame)} concepts are too few for {shots} shots and two questions; lower shots")
    templated = Chat(tokenizer) if chat and tokenizer is not None else None
    left, right = frame[source_language].tolist(), frame[target_language].tolist()
    names = (autonym(source_language), autonym(target_language))
    rng = random.Random(seed)
    order = rng.sample(range(len(frame)), len(frame))
    partners = _partners(order, [_line(names, word, "") for word in left], tokenizer)
    pairs, dropped = [], 0
    for first in order:
        second = partners[first]
        answer, foil = right[second], right[first]
        others = [
            row for row in order if right[row] not in (answer, foil) and left[row] not in (left[first], left[second])
        ]
        shown = rng.sample(others, shots) if len(others) >= shots else None
        if shown is None or answer == foil or left[first] == left[second] or _collide(tokenizer, answer, foil):
            dropped += 1
            continue
        examples = [(left[row], right[row]) for row in shown]
        source_prompt, target_prompt = (_prompt(names, examples, left[row]) for row in (second, first))
        if (
            tokenizer is not None
            and len({_length(tokenizer, templated, prompt) for prompt in (source_prompt, target_prompt)}) > 1
        ):
            dropped += 1  # the tokenizer merges the question with the line before
            continue
        name = f"{frame.index[second]} into {frame.index[first]}"
        pairs.append(Pair(source=source_prompt, target=target_prompt, answer=answer, foil=foil, name=name))
        if len(pairs) == limit:
            break
    if not pairs:
        raise BadPairs(
            f"all {dropped} pairs {source_language}-{target_language} were dropped: their answers begin with the same "
            "token, or no two words have the same number of tokens"
        )
    return Pairs(tuple(pairs), f"translation {source_language}-{target_language}", dropped, chat)


def translation_prompts(
    words: pd.DataFrame | str, *, source: str, target: str, shots: int = 5, seed: int = 0, limit: int | None = None
) -> dict[str, str]:
    """Make one few-shot translation prompt for each concept, in the form of `translation_pairs`.

    Args:
        words: frame of `load_words`, or a source for it.
        source: language code of the given words.
        target: language code of the requested words.
        shots: translations shown before the question; never of a concept with the same word in either language.
        seed: seed of the order of concepts and of the shots.
        limit: most prompts to make; all when None.

    Returns:
        Concept to prompt, ending in the opening quote of the requested word.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: too few concepts with other words for `shots`, or a negative `shots` or `limit`.
    """
    frame, source_language, target_language = _word_columns(words, source, target)
    _check_numbers(shots, limit)
    left, right = frame[source_language].tolist(), frame[target_language].tolist()
    rng = random.Random(seed)
    prompts = {}
    for row in rng.sample(range(len(frame)), len(frame))[:limit]:
        others = [other for other in range(len(frame)) if left[other] != left[row] and right[other] != right[row]]
        if len(others) < shots:
            raise BadArgument(f"{len(frame)} concepts are too few for {shots} shots and a question; lower shots")
        examples = [(left[other], right[other]) for other in rng.sample(others, shots)]
        prompts[str(frame.index[row])] = _prompt(
            (autonym(source_language), autonym(target_language)), examples, left[row]
        )
    return prompts


def _word_columns(words: pd.DataFrame | str, source: str, target: str) -> tuple[pd.DataFrame, str, str]:
    frame = words if isinstance(words, pd.DataFrame) else load_words(words)
    source_language, target_language = (
        chosen([code], list(frame.columns), where="this word list")[0] for code in (source, target)
    )
    words_read = normalized(
        {code: frame[code].tolist() for code in (source_language, target_language)},
        frame.attrs.get("normalize", "NFC"),
        "this word list",
    )
    return frame.assign(**words_read), source_language, target_language


def _check_tokenizer(tokenizer: Any) -> None:
    if tokenizer is not None and not (callable(tokenizer) and hasattr(tokenizer, "decode")):
        raise BadArgument(f"tokenizer is of {type(tokenizer).__name__}; give the tokenizer of a model: model.tokenizer")


def _check_numbers(shots: int, limit: int | None) -> None:
    whole_number("shots", shots)
    if limit is not None:
        whole_number("limit", limit, at_least=1)


def _partners(order: list[int], lines: list[str], tokenizer: Any) -> dict[int, int]:
    """The next concept in the order; with a tokenizer, the next whose line has as many tokens (itself if none has)."""
    groups: dict[int, list[int]] = {}
    for row in order:
        length = 0 if tokenizer is None else len(token_ids(tokenizer, lines[row]))
        groups.setdefault(length, []).append(row)
    return {
        row: partner for group in groups.values() for row, partner in zip(group, group[1:] + group[:1], strict=True)
    }


def _prompt(names: tuple[str, str], examples: Sequence[tuple[str, str]], question: str) -> str:
    lines = [_line(names, word, translation) + '"' for word, translation in examples]
    return "\n".join([*lines, _line(names, question, "")])


def _line(names: tuple[str, str], word: str, translation: str) -> str:
    return f'{names[0]}: "{word}" - {names[1]}: "{translation}'


def _length(tokenizer: Any, chat: Chat | None, prompt: str) -> int:
    """Tokens of a prompt, or of the turns that a template makes of it."""
    return len(token_ids(tokenizer, prompt)) if chat is None else len(chat.tokens(chat.prompt(prompt, "prompt"))[0])


def _collide(tokenizer: Any, answer: str, foil: str) -> bool:
    return tokenizer is not None and bool(first_tokens(tokenizer, answer) & first_tokens(tokenizer, foil))
