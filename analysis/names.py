"""Names of data sets and factors, as they may come from a stranger's file."""

import unicodedata

_LONGEST = 255  # characters, as many as a file is named with
# control characters, lone surrogates, line and paragraph separators: they break lines, steer terminals or have no bytes
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_name(text: str) -> bool:
    """Whether a text is one line to be shown: not blank, not too long, of characters that only stand for themselves.

    A dollar does not: in a figure it begins a formula.

    >>> is_name("Größe 1"), is_name("two\\nlines"), is_name("\\x1b[2J"), is_name("$x$"), is_name(" ")
    (True, False, False, False, False)
    """
    return bool(text.strip()) and len(text) <= _LONGEST and "$" not in text and in_one_line(text) == text


def in_one_line(text: str) -> str:
    """The text with every character that breaks a line or steers a terminal as its escape.

    >>> print(in_one_line("a\\x1b[2J\\nb"))
    a\\x1b[2J\\nb
    """
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _UNFIT else each for each in text
    )
