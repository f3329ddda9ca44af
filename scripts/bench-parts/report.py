"""Shows what was measured as tables on standard output. Does not measure.

'cpu ms' is the time of processors, which other work on the machine lengthens less than the time of the clock."""


def time_text(nanoseconds):
    return f"{nanoseconds / 1e6:,.2f}" if nanoseconds < 100e6 else f"{nanoseconds / 1e6:,.0f}"


def aim_text(aim, quantity):
    if not aim:
        return ""
    if aim["factor"] is None:
        most = f"{aim['most'] / 1e6:.3g} " + ("ms" if quantity == "time" else "MB")
    else:
        most = f"{aim['factor']:g} ×" + (f" + {aim['extra'] / 1e6:g} ms" if aim["extra"] else "")
    return f"  ≤ {most}: " + ("reached" if aim["reached"] else "MISSED")


def rate_text(group, row):
    nanoseconds = row["nanoseconds"]["median"]
    if group["rate"]:
        return f"{group['rate'][0] / (nanoseconds / 1e9):,.0f}"
    if not group["size"]:
        return ""
    if group["quantity"] == "memory":
        return f"{row['peak_bytes'] / group['size']:,.0f}"
    return f"{nanoseconds / 1e3 / group['size']:,.2f}"


def rate_title(group):
    if group["rate"]:
        return group["rate"][1]
    if not group["size"]:
        return ""
    return ("bytes/" if group["quantity"] == "memory" else "µs/") + group["unit"]


def show(group):
    """Each rival's ratio is how often the rival's time (or memory) goes into that of the first row."""
    runs = f"{group['runs']} runs" if group["runs"] > 1 else "one run"
    print(f"\n{group['title']} ({runs}{', ratios of memory' if group['quantity'] == 'memory' else ''})")
    print(
        f"{'':44} {'median ms':>10} {'least':>9} {'most':>9} {'cpu ms':>9} {rate_title(group):>10} {'peak MB':>8}   "
        f"{'ratio':>7} {'least':>7} {'most':>7}")
    for row in group["rows"]:
        times = row["nanoseconds"]
        ratios = ""
        if "ratio" in row:
            ratio = row["ratio"]
            ratios = f"{ratio['median']:7.2f} {ratio['least']:7.2f} {ratio['most']:7.2f}"
        # What a rival's process takes up in memory is not always known.
        busy = row["processor_nanoseconds"]["median"]
        busy = f"{time_text(busy) if busy else '':>9}"
        peak = f"{row['peak_bytes'] / 1e6:8.1f}" if row["peak_bytes"] else f"{'':8}"
        line = (
            f"{row['command']:44} {time_text(times['median']):>10} {time_text(times['least']):>9} "
            f"{time_text(times['most']):>9} {busy} {rate_text(group, row):>10} {peak}   "
            f"{ratios:23}{aim_text(row.get('aim'), group['quantity'])}")
        print(line.rstrip())


def show_counts(counts):
    print(f"\n{'instructions (callgrind)':44} {'millions':>10}")
    for row in counts:
        print(f"{row['command']:44} {row['instructions'] / 1e6:10,.1f}")
