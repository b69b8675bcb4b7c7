"""Keep a run off the network: whatever tries to reach another machine is refused."""

import os
import sys
from ipaddress import ip_address

from politune_harness.errors import ServiceError

VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
"""By which libraries know that they are not to ask the Hub."""


def stay_offline() -> None:
    """Refuse, from now on and until this process ends, every connection to another machine.

    Raises ServiceError where one is tried. Servers on this machine may be asked.
    """
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    sys.addaudithook(_refuse)


def _refuse(event: str, given: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = given[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(given[1], tuple):
        host = given[1][0]
    else:
        return
    if host and not is_here(host.decode() if isinstance(host, bytes) else str(host)):
        message = f"{host} was not asked, because of --offline"
        raise ServiceError(message)


def is_here(host: str) -> bool:
    """Say whether a host is this machine.

    >>> is_here("localhost"), is_here("::1"), is_here("127.0.0.9"), is_here("example.org")
    (True, True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
