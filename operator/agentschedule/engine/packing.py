"""JSON kept in memory as text: a third of what dicts take, and less."""

import orjson


def packed(value: object) -> bytes:
    """A value as JSON text. It is copied, for orjson's own bytes keep the room in which they were made, some KiB."""
    return bytes(memoryview(orjson.dumps(value)))
