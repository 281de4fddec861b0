"""Headers: which columns of a table contain a language."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from workbench.errors import BadArgument, BadCorpus, warn
from workbench.text.display.naming import quoted, shortened
from workbench.text.formats.cells import (
    LABELS,
    clearly_none,
    digits,
    distinct,
    foreign,
    is_prose,
    lettered,
    numbered,
    overlap,
    own_script,
    spaced,
    texts,
)
from workbench.text.formats.headless import advice, looks_headless
from workbench.text.languages import check, is_requested, known, listed, name, requested_codes

# Language codes that are also words or abbreviations used as headers of text columns.
_WORDS = (
    "id no is mt as am or si to so he my be an in se sm sc sn st co ca ch cr cv ee ie io kg la lb lo lu mi mr ms na ne "
    "ng nr om os pa pi ps qu rm rn sa sg ta te ti ts tt tw ty wa ace ban bug cat cor cos div est fin fur geo hat ice "
    "ina ind lat lim lin mac mag mar may min mon pan per que rum run sin sun tel ton vol war uk ml sd av ab bo"
)
_STUDY = "src source ref reference hyp hypothesis system sys lp score qe hter pe tgt target post_edit postedit"
AMBIGUOUS = frozenset(_WORDS.split())
_TRANSLATION_STUDY = frozenset(_STUDY.split())
_PREFIXES = ("translation.", "translation_", "sentence.", "sentence_", "text.", "text_")
_NAMES_OF_ROWS = ("id", "language", "lang")
_NAMED = 12  # most columns in a message
_COMPARED = 256  # most columns compared with a doubtful one


@dataclass(frozen=True)
class Columns:
    """The columns of a table by language, and the columns that are no language, with the reason if doubtful.

    Attributes:
        languages: cells by language, in the order of the table.
        headers: the header of each language.
        ignored: headers that are no language, to the reason; empty if the header is not a code.
    """

    languages: dict[str, list[Any]]
    headers: dict[str, str]
    ignored: dict[str, str]


def language_columns(
    table: dict[str, list[Any]],
    source: str,
    *,
    languages: str | Sequence[str] | None = None,
    columns: Mapping[str, str | None] | None = None,
    used: Sequence[str] = (),
    by_language: bool = False,
    in_file: bool = True,
) -> Columns:
    """Select the columns that contain a language, by its standard form, and name the others in a warning.

    A column contains a language if its header is a code or a name in the list of languages (`listed`), or if the user
    says so. A header that is also another word (id, no, mt ...) is decided by its letter case and its cells, with a
    warning. Any other code of two or three letters counts unless its cells are clearly not texts in its language.

    Args:
        table: header to cells.
        source: for messages.
        languages: codes that the user requests; their columns always count.
        columns: header to its language as given by the user, or None for no language.
        used: headers with another purpose, which need no warning.
        by_language: all headers are meant as languages, so that doubtful ones need no warning.
        in_file: the table is in a file, with its headers in a line.

    Raises:
        BadArgument: `columns` names a missing column.
        BadCorpus: two columns have the same language, or no column has one.
        UnknownLanguage: `columns` names a language that does not exist.
    """
    stated = check_columns(columns, table, source)
    given = {header: None if code is None else check(code) for header, code in stated.items()}
    requested = requested_codes(languages)
    codes = {header: code for header in table if header not in given and (code := _code(header, requested)) is not None}
    unlike = _unlike(table, {header: code for header, code in codes.items() if check(code) not in requested})
    sure = dict.fromkeys(
        header for header in codes if header not in unlike and _is_certain(codes[header], table[header])
    )
    sure |= dict.fromkeys(header for header, code in given.items() if code is not None)
    headers: dict[str, str] = {}
    ignored: dict[str, str] = {}
    doubtful = []
    for header in table:
        code, why = given.get(header), ""
        if header not in given and header in codes:
            code = codes[header]
            meant = check(code) in requested and not numbered(table[header])
            if not meant and header not in sure:
                why = unlike.get(header) or _not_a_language(header, code, table, sure, codes)
                doubtful += [] if why else [f"{quoted(header)} as {name(code)}"]
        if code is None or why:
            ignored[header] = why
            continue
        if check(code) in headers and not is_requested(check(code), languages):
            continue
        if check(code) in headers:
            raise BadCorpus(f"{source}: {_duplicate_message(check(code), headers[check(code)], header)}")
        headers[check(code)] = header
    unnamed = [header for header in ignored if header not in given and header not in used]
    _report(source, headers, ignored, unnamed, [] if by_language else doubtful, in_file)
    return Columns({code: table[header] for code, header in headers.items()}, headers, ignored)


def identifiers(table: dict[str, list[Any]], columns: Columns) -> list[Any] | None:
    """Cells of a column `id` with row names; None if missing or read as Indonesian."""
    return next((table[header] for header in columns.ignored if header.lower() == "id"), None)


def check_columns(
    columns: Mapping[str, str | None] | None, table: Mapping[str, Any], source: str
) -> dict[str, str | None]:
    """The user's `columns`, validated.

    Raises:
        BadArgument: not a mapping, or it names a missing column.
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise BadArgument(f"columns={columns!r}; it takes a language, or None, for each column: {{'mt': None}}")
    absent = [header for header in columns or {} if header not in table]
    if absent:
        raise BadArgument(
            f"columns names {quoted(absent[0])}, which {source} does not have (it has: {shortened(table)})"
        )
    return dict(columns or {})


def _code(header: str, requested: set[str]) -> str | None:
    """The code in a header: de, German, deu_Latn, sentence_deu_Latn, translation.de."""
    if listed(header) or (requested and known(header) and check(header) in requested):
        return header
    start = next((start for start in _PREFIXES if header.lower().startswith(start)), "")
    return header[len(start) :] if start and listed(header[len(start) :]) else None


def _ambiguous(code: str) -> bool:
    first = code.replace("_", "-").split("-")[0].lower()
    has_script = any(len(part) == 4 for part in code.replace("_", "-").split("-")[1:])
    return first in AMBIGUOUS and not has_script


def _duplicate_message(code: str, first: str, second: str) -> str:
    both = f"two columns are in {code!r}: {quoted(first)} and {quoted(second)}"
    return f"{both}; keep one, with columns={{{quoted(second)}: None}}"


def _is_certain(code: str, cells: list[Any]) -> bool:
    """Whether a code as the header of these cells can only mean a language."""
    return lettered(cells) and (not _ambiguous(code) or own_script(code, cells))


def _unlike(table: dict[str, list[Any]], codes: dict[str, str]) -> dict[str, str]:
    """Headers that are unambiguous codes over cells clearly not in the language, to the reason."""
    prose = [header for header in table if is_prose(codes.get(header, ""), table[header])]
    reasons = {}
    for header, code in codes.items():
        if header == code and header.isalpha() and len(header) <= 3 and not _ambiguous(code):
            beside = [other for other in islice(prose, _COMPARED) if other != header]
            copied = any(_copies(header, other, table) for other in beside if known(other))
            if beside and (why := clearly_none(code, table[header], copied=copied)):
                reasons[header] = why
    return reasons


def _copies(header: str, other: str, table: dict[str, list[Any]]) -> bool:
    """Whether a column repeats another and has the longer code or a foreign script."""
    if table[header] != table[other] or check(header) == check(other):
        return False
    return len(header) > len(other) or bool(foreign(header, table[header]))


def _not_a_language(
    header: str, code: str, table: dict[str, list[Any]], sure: Mapping[str, None], codes: dict[str, str]
) -> str:
    """The reason why a column whose header is a language code contains no language; empty if it does."""
    cells = texts(table[header])
    if not lettered(table[header]):
        return "its cells have no letters"
    if strange := foreign(code):
        return strange
    others = [other for other in islice(sure, _COMPARED) if other != header]
    if not others and len(codes) < len(table):
        return "no other column is certain to be a language"
    style = [_style(codes[other]) for other in others if other in codes and _is_code(codes[other])]
    if style and _style(code) not in style:
        return f"the codes of other languages are not written like {code!r}"
    if check(code) == "mt" and _TRANSLATION_STUDY & {other.lower() for other in table}:
        return "beside sources, references or scores it is a machine translation"
    if check(code) == "mt" and any(overlap(table[header], table[other]) > 0.25 for other in others):
        return "it repeats the words of another language"
    sentences = [other for other in others if spaced(texts(table[other])) > 0.5]
    if sentences and spaced(cells) < 0.1:
        return "its cells are single words beside sentences"
    if any(table[other] == table[header] for other in others):
        return "it repeats another column"
    if numbered(table[header]) or digits(cells) >= 0.5:
        return "its cells are identifiers or numbers"
    repeated = distinct(cells) < 0.7 and any(distinct(texts(table[other])) > 0.9 for other in others)
    if repeated or all(cell.strip().lower() in LABELS for cell in cells):
        return "its cells are labels"
    return ""


def _is_code(header: str) -> bool:
    """Whether it is a code, with or without a script, not a language's name."""
    return len(header.replace("_", "-").split("-")[0]) <= 3


def _style(code: str) -> str:
    first = code.replace("_", "-").split("-")[0]
    return "lower" if first.islower() else "upper" if first.isupper() else "title"


def _report(
    source: str,
    headers: dict[str, str],
    ignored: dict[str, str],
    unnamed: list[str],
    doubtful: list[str],
    in_file: bool,
) -> None:
    if not headers and looks_headless(ignored):
        raise BadCorpus(f"{source}: {advice(ignored, 'de', in_file=in_file)} ('de' stands for their language)")
    if not headers:
        doubts = "".join(f"; {quoted(header)} is none: {why}" for header, why in list(ignored.items())[:_NAMED] if why)
        first = next((header for header in ignored if header.lower() not in _NAMES_OF_ROWS), "text")
        role = "text" if any(header.lower() in _NAMES_OF_ROWS[1:] for header in ignored) else "de"
        raise BadCorpus(
            f"{source}: no column is headed by a language code (it has: {shortened(ignored)}){doubts}; "
            "name the columns de, en ..., or 'language' and 'text', or say which is which: "
            f"columns={{{shortened([first])!r}: {role!r}}}"
        )
    if unnamed:
        listing = [f"{header} ({ignored[header]})" if ignored[header] else header for header in unnamed]
        warn(f"{source}: columns that are no language are left out: {shortened(listing)}; columns= says otherwise")
    if doubtful:
        warn(f"{source}: reads {shortened(doubtful)}, because of its cells; columns= says otherwise")


def duplicates(names: Sequence[str]) -> list[str]:
    """Names that occur more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)
