"""Puts what `scripts/bench full` wrote into docs: the aims and the machine into performance.md, all tables into a page of their
own, and the charts. Does not measure."""
import json
import os
import shutil

import markdown

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
CHARTS = {"noop.svg": "performance-noop.svg", "curves.svg": "performance-curves.svg"}


def between(text, inside):
    """`text` with `inside` between the two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/performance.md has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{inside}\n{END}{after}"


def publish(folder, docs):
    """Gives the files that were written."""
    with open(os.path.join(folder, "results.json")) as file:
        results = json.load(file)
    page = os.path.join(docs, "performance.md")
    with open(page) as file:
        text = file.read()
    wrong = [part["name"] for part in results["parts"] if part["failure"]]
    lines = [markdown.machine(results), ""]
    if wrong:
        lines += [f"Not measured, because something was wrong with it: {', '.join(wrong)}.", ""]
    lines += markdown.aims(results["groups"])
    written = [page]
    with open(page, "w") as file:
        file.write(between(text, "\n".join(lines).rstrip("\n")))
    tables = os.path.join(docs, "performance-tables.md")
    with open(tables, "w") as file:
        file.write(markdown.document(results).rstrip("\n") + "\n")
    written.append(tables)
    for name, target in CHARTS.items():
        path = os.path.join(folder, name)
        if os.path.exists(path):
            shutil.copyfile(path, os.path.join(docs, target))
            written.append(os.path.join(docs, target))
    return written
