"""Delay: one call for all that is typed in quick succession."""

import asyncio
from collections.abc import Callable

PAUSE = 0.3  # seconds without a keystroke


class Delay:
    """Calls a function when nothing has asked for it for a while.

    Messages to a kernel wait while its model runs. Each of them then puts the call off again, so that the model runs
    once for all that was typed meanwhile. Outside an event loop (a script, a test) the function is called at once.

    Args:
        function: what to call.
        seconds: how long to wait.
    """

    def __init__(self, function: Callable[[], None], seconds: float = PAUSE):
        self._function, self._seconds = function, seconds
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Ask for a call."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._function()
        else:
            self._waiting = loop.call_later(self._seconds, self._function)

    def cancel(self) -> None:
        """Drop the call that waits, if there is one."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
