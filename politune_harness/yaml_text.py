"""YAML by people whom we do not know."""

import yaml


class _Loader(yaml.SafeLoader):
    """PyYAML's own would keep the last of two equal keys, and say nothing."""

    def compose_mapping_node(self, anchor: dict[str, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, object], int] = {}
        for key, _ in node.value:
            here = key.start_mark.line + 1
            if (before := lines.get((key.tag, str(key.value)))) is not None:
                places = (
                    f"on lines {before} and {here}" if before < here else f"twice on line {here}"
                )
                message = f"the key {key.value} stands {places}; rename or drop one"
                raise ValueError(message)
            lines[key.tag, str(key.value)] = here
        return node


def parsed(text: str) -> object:
    r"""Return what a YAML text holds. Raises ValueError for whatever is none, or says a key twice.

    PyYAML raises other errors, too: for a date that there is not, a number of 5,000 digits, and
    lists within lists within lists.

    >>> parsed("from: 2019-02-30")
    Traceback (most recent call last):
    ValueError: day is out of range for month
    >>> parsed("left: 1\nleft: 2")
    Traceback (most recent call last):
    ValueError: the key left stands on lines 1 and 2; rename or drop one
    """
    try:
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None
