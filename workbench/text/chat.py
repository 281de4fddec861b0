"""Chat: texts through a tokenizer's chat template, and which of the tokens are the text's own.

The template alone says where a text stands in what it writes: it is rendered once with a marker in the text's place,
and each text must give the same with the text there, stripped or not. So a text that the template repeats, a system
turn that it adds, or words that it shares with the text do not matter. Boundaries are characters, counts are tokens.
"""

import datetime
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadArgument, BadCorpus, BadPairs, UnsupportedSite, WorkbenchError
from workbench.text.tokens.around import around
from workbench.text.tokens.spans import characters, within

_MARK = "\ue000\ue001text\ue001\ue000"  # of the private use area: in no template
_DATE = datetime.date(2024, 7, 26)  # what templates that write today's date are given, so that runs can be repeated
_NOW = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
_STRIPPED = (
    str,
    str.strip,
    str.rstrip,
    str.lstrip,
    lambda text: text.strip("\n"),
    lambda text: text.rstrip("\n"),
    lambda text: text.lstrip("\n"),
)


@dataclass(frozen=True)
class Rendered:
    """What a template writes, and which of its characters are the text: from `start` to before `end`."""

    text: str
    start: int
    end: int


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer itself puts BOS in front of a text."""
    bos = getattr(tokenizer, "bos_token_id", None)
    ids = tokenizer("a")["input_ids"]
    return bos is not None and len(ids) > 0 and ids[0] == bos


def template_hash(tokenizer: Any) -> str | None:
    """SHA-256 (hex) of the tokenizer's chat template; None where it has none."""
    template = _template(tokenizer)
    return None if template is None else hashlib.sha256(template.encode()).hexdigest()


class Chat:
    """A tokenizer with its chat template.

    Args:
        tokenizer: a fast transformers tokenizer with a chat template.

    Raises:
        BadArgument: the tokenizer has no chat template.
        UnsupportedSite: the tokenizer does not say which characters its tokens stand for.
    """

    def __init__(self, tokenizer: Any):
        template = _template(tokenizer)
        if template is None:
            raise BadArgument(
                "this tokenizer has no chat template; chat=False reads texts as they are, an instruction-tuned model's "
                "tokenizer has a template, or set tokenizer.chat_template"
            )
        if not getattr(tokenizer, "is_fast", False):
            raise UnsupportedSite(
                "chat needs a tokenizer that says which characters its tokens stand for; a fast tokenizer does"
            )
        self.tokenizer = tokenizer
        self.front, _ = around(tokenizer)
        self._written = _NOW.sub(lambda found: repr(_DATE.strftime(found[2])), template)
        self._parts: dict[str | None, list[str]] = {}

    def answer(self, text: str, user: str, where: str) -> Rendered:
        """A text as the assistant's answer to a user's turn.

        Raises:
            BadArgument: the template refuses such a conversation.
            BadCorpus: the template changes the text by more than stripping it; `where` names the text.
        """
        return self._place(text, user, where, BadCorpus)

    def prompt(self, text: str, where: str) -> Rendered:
        """A text as the user's turn, and the beginning of the assistant's, which the model is to go on with.

        Raises:
            BadArgument: the template refuses such a conversation.
            BadPairs: the template changes the text by more than stripping it; `where` names the text.
        """
        return self._place(text, None, where, BadPairs)

    def followed(self, prompt: str, word: str, where: str) -> str:
        """What the template writes of a prompt and an answer, up to the end of the answer."""
        begun = self.prompt(prompt, where).text
        whole = self._render(prompt, _MARK).partition(_MARK)[0]
        return (whole if whole.startswith(begun) else begun) + word

    def tokens(self, rendered: Rendered) -> tuple[list[int], list[tuple[int, int]], range]:
        """Token ids of a rendered text, the characters of each, and which of the tokens are the text's own.

        What the tokenizer puts in front of every text (BOS, mostly) is there once, whether the template writes it, the
        tokenizer adds it, or both. Which tokens are the text's own is the rule of `text.spans`: those whose last
        character is the text's. Characters that no token claims go to the token that follows them.
        """
        found = self.tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids = list(found["input_ids"])
        places = characters(self.tokenizer, ids, found["offset_mapping"])
        front, bos = list(self.front), self.tokenizer.bos_token_id
        for twice in ([bos], front):
            while twice and None not in twice and ids[: 2 * len(twice)] == twice * 2:
                ids, places = ids[len(twice) :], places[len(twice) :]
        missing = next(count for count in range(len(front) + 1) if ids[: len(front) - count] == front[count:])
        ids, places = front[:missing] + ids, [(0, 0)] * missing + places
        return ids, places, within(places, rendered.start, rendered.end)

    def own(self, text: str, user: str, where: str) -> tuple[str, list[tuple[int, int]]]:
        """An answer as the template writes it, and which of its characters each of its own tokens stands for."""
        rendered = self.answer(text, user, where)
        _, places, own = self.tokens(rendered)
        begin = rendered.start
        return rendered.text[begin : rendered.end], [
            (max(0, start - begin), end - begin) for start, end in places[own.start : own.stop]
        ]

    def _place(self, text: str, user: str | None, where: str, error: type[WorkbenchError]) -> Rendered:
        """Render a text as an answer to a user's turn, or as the user's turn where that is None."""
        if user not in self._parts:
            marked = self._render(_MARK) if user is None else self._render(user, _MARK)
            self._parts[user] = marked.split(_MARK)
            if len(self._parts[user]) < 2:
                raise BadArgument(
                    "this tokenizer's chat template leaves texts out or rewrites them; chat=False reads them plainly"
                )
        parts = self._parts[user]
        written = self._render(text) if user is None else self._render(user, text)
        for strip in _STRIPPED:
            own = strip(text)
            if own and own.join(parts) == written:
                end = len(written) - len(parts[-1])  # where it is written more than once, its last
                return Rendered(written, end - len(own), end)
        raise error(f"{where}: the chat template changes the text: {text[:40]!r}; chat=False reads it as it is")

    def _render(self, user: str, answer: str | None = None) -> str:
        turns = [{"role": "user", "content": user}]
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
        try:
            return self.tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=answer is None,
                chat_template=self._written,
                enable_thinking=False,  # a model that thinks first would not begin with the answer
            )
        except Exception as problem:  # a template is a program of the model's makers: it may raise anything
            raise BadArgument(
                f"this tokenizer's chat template refuses a user's turn and an answer: {problem}"
            ) from None


def _template(tokenizer: Any) -> str | None:
    """The template for ordinary conversations."""
    given = getattr(tokenizer, "chat_template", None)
    if isinstance(given, dict):
        given = given.get("default")
    return given or None
