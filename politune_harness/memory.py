"""The memory that this process may use, and errors that say that there was too little."""

import errno

from politune_harness.errors import HarnessError, one_line

LEAST = 3_000_000_000
"""Bytes of address space that Python with torch and lm-eval take beside a model: with less, native
libraries abort without a word."""
SAID = ("can't allocate memory", "not enough memory", "failed to map segment", "out of memory")
"""How libraries say it."""


def check_limit() -> None:
    """Raise HarnessError where a limit on address space (`ulimit -v`) lets nothing run."""
    allowed = _limit()
    if allowed is not None and allowed < LEAST:
        message = (
            f"the limit of {allowed / 1e9:.1f} GB of address space (`ulimit -v`) is too low: "
            f"{LEAST / 1e9:.0f} GB and the model are needed"
        )
        raise HarnessError(message)


def out_of_memory(error: Exception) -> str | None:
    """Return one line about an error that comes from too little memory; None for any other.

    >>> out_of_memory(ValueError("memory is a fine word"))
    >>> out_of_memory(MemoryError()).partition(" ")[0]
    'out'
    """
    said = str(error).casefold()
    short = (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or getattr(error, "errno", None) == errno.ENOMEM
        or (isinstance(error, RuntimeError | ImportError) and any(each in said for each in SAID))
    )
    if not short:
        return None
    allowed = _limit()
    limit = "" if allowed is None else f" (the limit is {allowed / 1e9:.1f} GB, by `ulimit -v`)"
    detail = f": {one_line(error)}" if str(error) else ""
    return (
        f"out of memory{limit}; what is finished stands, and the same command goes on with more "
        f"memory or smaller batches{detail}"
    )


def _limit() -> int | None:
    """Return the bytes of address space that are allowed; None for no limit."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if allowed == resource.RLIM_INFINITY else allowed
