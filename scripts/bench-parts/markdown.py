"""What was measured as tables in Markdown, for docs/performance.md. Does not measure."""
import report


def cell(text):
    return str(text).replace("|", "\\|").strip()


def table(titles, rows):
    lines = ["| " + " | ".join(map(cell, titles)) + " |", "|" + "---|" * len(titles)]
    return lines + ["| " + " | ".join(map(cell, row)) + " |" for row in rows] + [""]


def row_of(group, row):
    times, ratio = row["nanoseconds"], row.get("ratio")
    busy, peak = row["processor_nanoseconds"]["median"], row["peak_bytes"]
    return [
        row["command"], report.time_text(times["median"]),
        f"{report.time_text(times['least'])} – {report.time_text(times['most'])}",
        report.time_text(busy) if busy else "", report.rate_text(group, row), f"{peak / 1e6:,.0f}" if peak else "",
        f"{ratio['median']:.2f}" if ratio else "", f"{ratio['least']:.2f} – {ratio['most']:.2f}" if ratio else "",
        report.aim_text(row.get("aim"), group["quantity"]),
    ]


def of_group(group):
    ratios = "ratios of memory, " if group["quantity"] == "memory" else ""
    lines = [f"### {group['title']}", "", f"{ratios}{group['runs']} rounds", ""]
    titles = [
        "", "ms", "least – most", "cpu ms", report.rate_title(group), "peak MB", "lmsbuild's share", "least – most", "aim"]
    return lines + table(titles, [row_of(group, row) for row in group["rows"]])


def aims(groups):
    """Every aim in one table, a row for each, with all sizes at which it was measured: what counts first."""
    found = {}
    for group in groups:
        subject = group["rows"][0]
        for row in group["rows"]:
            if not row.get("aim"):
                continue
            rival = "" if row is subject else row["command"]
            aim = report.aim_text({**row["aim"], "extra": 0, "reached": True}, group["quantity"]).removesuffix(
                ": reached").strip()
            if rival:
                extra = row["aim"]["extra"]
                aim += f" {rival}" + (f" + {extra / 1e6:g} ms" if extra else "")
            amount = f"{row['ratio']['median']:.2f}" if rival else report.time_text(subject["nanoseconds"]["median"])
            if group["quantity"] == "memory":
                amount = f"{subject['peak_bytes'] / 1e6:,.0f} MB"
            elif not rival:
                amount += " ms"
            key = (group["curve"] or group["title"], rival)
            what = found.setdefault(key, {"aims": [], "sizes": []})
            what["aims"].append(aim)
            what["sizes"].append((group, amount, row["aim"]["reached"]))
    rows = []
    for (curve, _), what in found.items():
        sizes = [
            (f"{group['size']:,}: " if group["size"] else "") + amount + ("" if reached else " ✗")
            for group, amount, reached in what["sizes"]]
        met = [reached for _, _, reached in what["sizes"]]
        verdict = "reached" if all(met) else "reached at the largest" if met[-1] else "**missed**"
        rows.append([curve, what["aims"][-1], "; ".join(sizes), verdict])
    return table(["", "aim", "measured (✗: not reached)", ""], rows)


def machine(results):
    """Where and when, in a line."""
    machine = results["machine"]
    load = ", ".join(f"{value:.1f}" for value in results["load"])
    return (
        f"{results['started']}, {machine['processors']} × {machine['processor']}, Linux {machine['kernel']}, "
        f"{machine['git']}, ninja {machine['ninja']}, lmsbuild {machine['lmsbuild']}; load at the end {load}"
        + (", small sizes" if results["quick"] else "") + ".")


def document(results):
    """All tables of one run."""
    lines = [
        "# What was measured", "", "Written by `scripts/bench full`; [performance.md](performance.md) tells what the figures mean.", "",
        machine(results), "",
    ]
    lines += table(
        ["part", "seconds", "wrong"],
        [[part["name"], part["seconds"], (part["failure"] or "").split("\n")[0]] for part in results["parts"]])
    lines += ["## Aims", "", *aims(results["groups"]), "## Tables", ""]
    for group in results["groups"]:
        lines += of_group(group)
    if results["verified"]:
        lines += ["## Contracts", ""] + table(
            ["", "verifications", "interactions"],
            [[f"{row['graph']} of {row['services']:,}, {row['change']}", row["verifications"], row["interactions"]]
             for row in results["verified"]])
    if results["counts"]:
        lines += ["## Instructions, by callgrind", ""] + table(
            ["", "millions"], [[row["command"], f"{row['instructions'] / 1e6:,.1f}"] for row in results["counts"]])
    return "\n".join(lines)
