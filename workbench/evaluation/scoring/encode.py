"""From contexts and options to token ids, as lm-eval 0.4.13 divides them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import BadTask, TooLarge
from workbench.model.model import Model
from workbench.text.batches import check_ids
from workbench.text.tasks.task import Task
from workbench.text.tokens.spans import Divider

Seam = Literal["lm_eval", "answer"]


@dataclass(frozen=True)
class Option:
    """The tokens of one option after its context.

    Attributes:
        place: (language, item, option).
        context: ids that the model reads first.
        tail: ids that are scored.
        merged: the tokenizer joins the end of the context with the beginning of the option.
        cut: ids that truncation removed from the front.
    """

    place: tuple[int, int, int]
    context: tuple[int, ...]
    tail: tuple[int, ...]
    merged: bool = False
    cut: int = 0


def encode_options(
    model: Model, task: Task, *, seam: Seam = "lm_eval", truncate: bool = False, bare_letters: bool = False
) -> list[Option]:
    """The tokens of every option of a task.

    With w = ids(context + continuation) and c = ids(context), the model reads c and w[len(c):] is scored, also where w
    does not begin with c. White space that ends the context moves to the continuation. An empty context is BOS, or EOS
    where there is no BOS.

    Args:
        model: its tokenizer and context.
        task: the task, formatted.
        seam: where the tokenizer merges across the seam: `"lm_eval"` scores the tail of w, `"answer"` the
            continuation encoded alone.
        truncate: drop the first ids of what is longer than the context.
        bare_letters: score the last id of the option's own text, without a space, as the released code of several
            papers does.

    Raises:
        TooLarge: an option, or an item without `truncate`, is longer than the model's context; names it.
        BadTask: an option has no token of its own.
    """
    encoder = _Encoder(model)
    texts: list[tuple[tuple[int, int, int], str, str, str]] = []
    for k, language in enumerate(task.languages):
        for row in task.present(language):
            context = task.context[language][row]
            for number, option in enumerate(task.options[language][row]):
                own = context[number] if isinstance(context, tuple) else context or ""
                texts.append(((k, row, number), own, task.separator(language, own) + option, option))
    pairs = encoder([(context, continuation) for _, context, continuation, _ in texts])
    options = []
    for (place, context, continuation, option), (before, whole) in zip(texts, pairs, strict=True):
        where = f"{task.name}, {task.languages[place[0]]}, item {task.ids[place[1]]!r}, option {place[2]}"
        merged = whole[: len(before)] != before
        tail = whole[len(before) :]
        if merged and seam == "answer":
            tail = encoder.bare(continuation)
        if bare_letters:
            tail, merged = encoder.bare(option)[-1:], False
        if not tail:
            raise BadTask(
                f"{where}: the tokenizer makes no token of {continuation!r} after {context[-20:]!r} that is the "
                "option's own"
            )
        if len(tail) > model.n_context:
            raise TooLarge(f"{where} has {len(tail)} tokens; the context of {model.name!r} has {model.n_context}")
        check_ids(model.tokenizer, [*before, *tail], model.n_embedded, where, BadTask)
        cut = max(0, len(before) + len(tail) - model.n_context - 1)
        if cut and not truncate:
            raise TooLarge(
                f"{where}: context and option have {len(before) + len(tail)} tokens; the context of {model.name!r} has "
                f"{model.n_context}; truncate=True drops the first ones"
            )
        options.append(Option(place, tuple(before[cut:]), tuple(tail), merged, cut))
    return options


class _Encoder:
    """Ids of contexts and of contexts with continuations; each distinct text once, all in one call."""

    def __init__(self, model: Model):
        tokenizer = model.tokenizer
        self.tokenizer, self.divider = tokenizer, Divider(tokenizer)
        ids = (getattr(tokenizer, name, None) for name in ("bos_token_id", "eos_token_id"))
        self.first = next((int(token) for token in ids if token is not None), None)
        self.opening = tokenizer.decode([self.first]) if self.first is not None else ""

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        """For each context and continuation: the ids of the context, and of both together."""
        moved = [(context.rstrip(), context[len(context.rstrip()) :] + text) for context, text in pairs]
        known: dict[str, list[int]] = {}
        wanted = [text for context, tail in moved if context for text in (context, context + tail)]
        distinct = list(dict.fromkeys(wanted))
        for special in (True, False):  # a text that spells out BOS gets no second BOS
            part = [text for text in distinct if (bool(self.opening) and text.startswith(self.opening)) is not special]
            known.update(zip(part, self._ids(part, special), strict=True))
        return [(known[c], known[c + tail]) if c else self._alone(tail) for c, tail in moved]

    def bare(self, text: str) -> list[int]:
        """Ids of a text without special tokens."""
        return self._ids([text], False)[0]

    def _alone(self, text: str) -> tuple[list[int], list[int]]:
        """An empty context: BOS, or else EOS, which a continuation that begins with it provides itself."""
        ids = self.bare(text)
        if self.first is None:
            raise BadTask("an empty context needs a BOS or EOS token, and the tokenizer has neither")
        return [self.first], ids if ids[:1] == [self.first] else [self.first, *ids]

    def _ids(self, texts: list[str], special: bool) -> list[list[int]]:
        if not texts:
            return []
        made: Any = self.tokenizer(texts, add_special_tokens=special, truncation=False, padding=False, verbose=False)
        return [self.divider.read(ids) if special else list(ids) for ids in made["input_ids"]]
