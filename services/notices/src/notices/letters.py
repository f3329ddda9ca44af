"""The wording of every kind of notice. Pure: a reader and data in, subject and text out."""

KINDS = {
    "loan-made": (
        ("isbn", "due"),
        "Your loan",
        "you have borrowed the book {isbn}. Please bring it back by {due}."),
    "loan-returned": (
        ("isbn",),
        "Thank you for returning",
        "we have taken back the book {isbn}. Thank you."),
    "due-soon": (
        ("isbn", "due"),
        "A book is due soon",
        "the book {isbn} is due on {due}. You may renew it where nobody waits for it."),
    "overdue": (
        ("isbn", "due"),
        "A book is overdue",
        "the book {isbn} was due on {due}. Please bring it back; you cannot borrow until then."),
    "hold-ready": (
        ("isbn", "expires"),
        "A book waits for you",
        "the book {isbn} that you asked for is here. We keep it for you until {expires}."),
}


def needed(kind):
    """The names of the data that a kind of notice needs."""
    return KINDS[kind][0]


def write(kind, reader_name, data):
    """The subject and the text of a notice."""
    names, subject, text = KINDS[kind]
    words = {name: data[name] for name in names}
    return subject, f"Dear {reader_name},\n\n{text.format(**words)}\n\nYour library\n"
