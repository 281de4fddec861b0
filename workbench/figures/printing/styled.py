"""The option `style` of every public figure function: for the screen, or for a paper."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec, get_args

import plotly.graph_objects as go

from workbench.arguments import checked, one_of
from workbench.figures.printing.paper import paper

P = ParamSpec("P")
Style = Literal["screen", "paper"]
_LINE = "\n        style: `screen`, or `paper`: as wide as a column, as `figures.paper` makes it.\n\n    Returns:"


def styled(draw: Callable[P, go.Figure]) -> Callable[P, go.Figure]:
    """Give a public figure function the keyword `style`, and check its arguments against their annotations.

    Raises:
        BadArgument: when called; an argument of another type, or no such style.
    """
    strict, signature = checked(draw), inspect.signature(draw)

    @wraps(strict)
    def drawing(*args: P.args, **named: P.kwargs) -> go.Figure:
        style = one_of("style", named.pop("style", "screen"), get_args(Style))
        figure = strict(*args, **named)
        return paper(figure) if style == "paper" else figure

    option = inspect.Parameter("style", inspect.Parameter.KEYWORD_ONLY, default="screen", annotation=Style)
    own = list(signature.parameters.values())
    last = len(own) - (own[-1].kind is inspect.Parameter.VAR_KEYWORD)
    drawing.__signature__ = signature.replace(parameters=[*own[:last], option, *own[last:]])  # pyright: ignore[reportAttributeAccessIssue]
    drawing.__annotations__ = {**draw.__annotations__, "style": Style}
    drawing.__doc__ = (draw.__doc__ or "").replace("\n\n    Returns:", _LINE, 1)
    return drawing
