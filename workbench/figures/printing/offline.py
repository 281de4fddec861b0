"""Chromium without access to the network, or to files from the pages it draws."""

from typing import Any

from choreographer.browsers.chromium import Chromium

_CLOSED = (
    "--host-resolver-rules=MAP * ~NOTFOUND",  # names and numbers alike
    "--no-proxy-server",  # a proxy would resolve names itself
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--no-pings",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
_OPEN = ("--allow-file-access-from-files", "--disable-web-security")


class OfflineChromium(Chromium):
    """The browser that kaleido starts, without network access."""

    def get_cli(self) -> Any:
        """The command that starts the browser."""
        usual = [part for part in super().get_cli() if part not in _OPEN and not part.startswith("--proxy-server")]
        return [*usual, *_CLOSED]
