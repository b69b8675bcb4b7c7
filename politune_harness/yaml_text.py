"""YAML by people whom we do not know."""

import yaml


def parsed(text: str) -> object:
    """Return what a YAML text holds. Raises ValueError for whatever is none.

    PyYAML raises other errors, too: for a date that there is not, a number of 5,000 digits, and
    lists within lists within lists.

    >>> parsed("from: 2019-02-30")
    Traceback (most recent call last):
    ValueError: day is out of range for month
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None
