"""ISBN-13, and ISBN-10 turned into it (ISO 2108)."""


def normalise(text):
    """The 13 digits of an ISBN written with or without hyphens and spaces; None when it is none."""
    digits = text.replace("-", "").replace(" ", "").upper()
    if len(digits) == 10:
        return _from_ten(digits)
    if len(digits) != 13 or not _are_digits(digits) or digits[:3] not in ("978", "979"):
        return None
    return digits if check_digit(digits[:12]) == digits[12] else None


def check_digit(twelve):
    """The thirteenth digit: weights 1 and 3 in turn, so that the sum is a multiple of ten."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return str((10 - total % 10) % 10)


def _from_ten(ten):
    body, last = ten[:9], ten[9]
    if not _are_digits(body) or not (_are_digits(last) or last == "X"):
        return None
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(body))
    total += 10 if last == "X" else int(last)
    if total % 11 != 0:
        return None
    return "978" + body + check_digit("978" + body)


def _are_digits(text):
    return text.isascii() and text.isdigit()
