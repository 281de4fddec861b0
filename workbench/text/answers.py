"""Answers: what an identifier says of texts, in the names that the languages have where they are compared."""

from collections.abc import Callable, Iterable, Sequence

from workbench.arguments import shown
from workbench.errors import BadArgument, warn
from workbench.text.characters import whole
from workbench.text.languages import check, known, meaning, same

Identifier = Callable[[str], str | None]
"""Text to language code, or None where it is in none of the languages or cannot be told.

An attribute `languages` says between which codes it tells; without one, a code without a script and a region stands
for every variety of its language.
"""


def telling(identify: Identifier, languages: Sequence[str]) -> Identifier:
    """The identifier, which from here on says between which languages it tells."""
    identify.__dict__["languages"] = tuple(languages)
    return identify


def identified(identify: Identifier, texts: Sequence[str]) -> list[str | None]:
    """What an identifier says of texts, in its own spelling; half a character is given to it as U+FFFD.

    Raises:
        BadArgument: it answers with something else than a code or None.
    """
    codes = [identify(whole(text)) or None for text in texts]
    for code in codes:
        if code is not None and not isinstance(code, str):
            raise BadArgument(f"identify returned {shown(code)}; it is a function from a text to a code, or to None")
    return codes


def answering(identify: Identifier, languages: Sequence[str]) -> Callable[[Sequence[str]], list[str | None]]:
    """What an identifier says of texts, as `naming` calls it."""
    names = naming(languages, getattr(identify, "languages", ()))
    return lambda texts: names(identified(identify, texts))


def naming(languages: Sequence[str], own: Sequence[str] = ()) -> Callable[[Iterable[str | None]], list[str | None]]:
    """Answers as these languages are called, in whatever spelling they come; what has to be said is said once.

    A code without a script and a region ('zh') is the one variety of its language that is there (zh-Hant); a warning
    says so. Where two are there it cannot tell them apart, and is no answer: also where one is called by the bare code.

    Args:
        languages: that are there.
        own: those between which the identifier tells; where several are varieties of one language, it means what it
            says.
    """
    seen: dict[str | None, str | None] = {None: None}

    def names(answers: Iterable[str | None]) -> list[str | None]:
        found = []
        for answer in answers:
            if answer and answer not in seen:
                seen[answer], why = _read(answer, languages, own)
                if why:
                    warn(why)
            found.append(seen[answer or None])
        return found

    return names


def standard(answer: str) -> str:
    """The one form of an answer, or the answer itself where it is no code of a language ("none")."""
    return check(answer) if known(answer) else answer


def _read(answer: str, languages: Sequence[str], own: Sequence[str]) -> tuple[str | None, str]:
    """A language that is there, the answer itself where it is another one, or None; and what to say of it, or ""."""
    exact = next((one for one in languages if same(one, answer)), None)
    if len({standard(one) for one in own if _language(one) == _language(answer)}) > 1:
        return exact or answer, ""
    varieties = [one for one in languages if _language(one) == _language(answer)] if _bare(answer) else []
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
    """Whether a code or a name stands for a language alone, whatever its script and region."""
    return known(code) and not any(sign in code.strip() for sign in "-_ ") and "-" not in check(code)


def _language(code: str) -> str:
    """The language of a code without its script and region; Bokmål is what most identifiers call Norwegian."""
    first = standard(code).split("-")[0]
    return "no" if first == "nb" else first
