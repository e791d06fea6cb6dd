"""Reads a JSON list of YAML texts with PyYAML, a reader of YAML 1.1, and answers with a JSON list.

Of each text it gives `{"read": VALUE}` or `{"error": MESSAGE}`. A fraction is `{"float": TEXT}`: JSON does not
tell 1.0 from 1, and not every reader of JSON keeps all digits.
"""

import json
import sys

import yaml


def plain(value):
    """What JSON has a form for; a date, a set or bytes are an error, and so is a key that is no text."""
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no text")
        return {key: plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{value!r} is nothing that JSON has")


def read(text):
    try:
        return {"read": plain(yaml.safe_load(text))}
    # Whatever it is, it is told beside the text that it is about.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([read(text) for text in json.load(sys.stdin.buffer)], sys.stdout)
