"""Answers of language identifiers, matched to the language names of a corpus or result."""

from collections.abc import Callable, Iterable, Sequence

from workbench.arguments import shown
from workbench.errors import BadArgument, warn
from workbench.text.characters import tokenizable
from workbench.text.languages import check, known, meaning, same

Identifier = Callable[[str], str | None]
"""Text to language code, or None if it is in none of the languages or undecided.

An attribute `languages` lists the codes it distinguishes; without it, a code without script and region stands for every
variety of its language.
"""


def with_languages(identify: Identifier, languages: Sequence[str]) -> Identifier:
    """Set the identifier's attribute `languages`, the codes it distinguishes, and return it."""
    identify.__dict__["languages"] = tuple(languages)
    return identify


def identified(identify: Identifier, texts: Sequence[str]) -> list[str | None]:
    """Answers of an identifier for texts, in its own spelling; lone surrogates are passed as U+FFFD.

    Raises:
        BadArgument: it returns something other than a code or None.
    """
    codes = [identify(tokenizable(text)) or None for text in texts]
    for code in codes:
        if code is not None and not isinstance(code, str):
            raise BadArgument(f"identify returned {shown(code)}; it is a function from a text to a code, or to None")
    return codes


def batch_identifier(identify: Identifier, languages: Sequence[str]) -> Callable[[Sequence[str]], list[str | None]]:
    """A function from texts to an identifier's answers, matched by `answer_matcher`."""
    names = answer_matcher(languages, getattr(identify, "languages", ()))
    return lambda texts: names(identified(identify, texts))


def answer_matcher(
    languages: Sequence[str], own: Sequence[str] = ()
) -> Callable[[Iterable[str | None]], list[str | None]]:
    """A function that maps answers in any spelling to the names of these languages; it gives each warning once.

    A code without script and region ('zh') is matched to the only variety of its language (zh-Hant), with a warning. If
    there are two varieties it cannot distinguish them, and becomes None, even if one is named by the bare code.

    Args:
        languages: languages to match.
        own: languages that the identifier distinguishes; if several are varieties of one language, its answers are
            taken literally.
    """
    seen: dict[str | None, str | None] = {None: None}

    def names(answers: Iterable[str | None]) -> list[str | None]:
        codes = []
        for answer in answers:
            if answer and answer not in seen:
                seen[answer], why = _matched(answer, languages, own)
                if why:
                    warn(why)
            codes.append(seen[answer or None])
        return codes

    return names


def standard(answer: str) -> str:
    """The standard form of an answer, or the answer itself if it is not a language code ("none")."""
    return check(answer) if known(answer) else answer


def _matched(answer: str, languages: Sequence[str], own: Sequence[str]) -> tuple[str | None, str]:
    """The matching language, the answer itself if there is none, or None; and a warning, or ""."""
    exact = next((language for language in languages if same(language, answer)), None)
    if len({standard(code) for code in own if _language(code) == _language(answer)}) > 1:
        return exact or answer, ""
    varieties = (
        [language for language in languages if _language(language) == _language(answer)] if _bare(answer) else []
    )
    if len(varieties) > 1:
        return None, (
            f"identify answers {answer!r}, which does not tell {' from '.join(varieties)}: such texts count as in none "
            "of the languages; give an identifier that tells them apart and lists them as its attribute `languages`"
        )
    near = exact or (varieties[0] if varieties else meaning(answer, languages)[0])
    if near is None or exact:
        return near or answer, ""
    return near, f"identify answers {answer!r}; {near!r}, the only variety of that language here, is taken for it"


def _bare(code: str) -> bool:
    """Whether a code or a name has no script and region."""
    return known(code) and not any(sign in code.strip() for sign in "-_ ") and "-" not in check(code)


def _language(code: str) -> str:
    """The language of a code without its script and region; Bokmål is what most identifiers call Norwegian."""
    first = standard(code).split("-")[0]
    return "no" if first == "nb" else first
