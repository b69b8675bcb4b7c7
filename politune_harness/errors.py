"""The errors that a user can cause, and so can mend.

* HarnessError
  - RecipeError      a recipe does not validate, or names what is not there
  - PluginError      a plugin did not load, or two of them claim one name
  - DataError        a source, file or row is not what it should be
  - ModelError       a model or an adapter cannot be used
  - ServiceError     a generator or a judge cannot be reached or used
  - BudgetError      going on would cost more than was allowed

The command line prints these as one line. Anything else is a bug, and keeps its traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class HarnessError(Exception):
    """An error whose message, one line, says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class RecipeError(HarnessError):
    """A recipe does not validate, or names something that is not there."""


class PluginError(HarnessError):
    """A plugin could not be loaded, or clashes with another."""


class DataError(HarnessError):
    """A source, a file or a row is not what it should be."""


class ModelError(HarnessError):
    """A model or an adapter cannot be used."""


class ServiceError(HarnessError):
    """A generator or a judge cannot be reached, or lacks its key or package."""


class BudgetError(HarnessError):
    """Going on would cost more than was allowed."""


def one_line(error: Exception) -> str:
    """Return the message of a library's error as one line of bearable length."""
    return " ".join(str(error).split())[:300]


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put the place in front of a HarnessError's message."""
    try:
        yield
    except HarnessError as error:
        message = f"{where}: {error}"
        raise type(error)(message) from error
