"""A reader of bencode, as small as it can be: for messages that Wireshark has already taken for KRPC."""

from __future__ import annotations

from typing import Any


def read(data: bytes) -> Any:
    """The one value that `data` holds; strings are bytes, and so are the keys of dictionaries."""
    value, end = value_at(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes behind the value")
    return value


def value_at(data: bytes, at: int) -> tuple[Any, int]:
    """The value that starts at `at`, and where it ends."""
    match data[at : at + 1]:
        case b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        case b"l":
            return items_at(data, at + 1)
        case b"d":
            items, end = items_at(data, at + 1)
            return dict(zip(items[::2], items[1::2], strict=True)), end
        case _:
            colon = data.index(b":", at)
            end = colon + 1 + int(data[at:colon])
            if end > len(data):
                raise ValueError("the string is longer than the data")
            return data[colon + 1 : end], end


def items_at(data: bytes, at: int) -> tuple[list[Any], int]:
    items = []
    while data[at : at + 1] != b"e":
        item, at = value_at(data, at)
        items.append(item)
    return items, at + 1
