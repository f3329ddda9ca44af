"""Draws what was measured as curves of cost over size, one line a tool, both scales logarithmic. Does not measure."""
import math
from xml.sax.saxutils import escape

from layouts import DESCRIPTIONS, NAMES

WIDTH, LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 960, 70, 370, 56, 300, 50
STYLE = """
:root{--back:#fff;--ink:#1a1a1a;--soft:#5f6b7a;--grid:#e3e7ec;--c0:#b35900;--c1:#2563b0;--c2:#137a56;--c3:#6b4bc4;
--c4:#b02a6b;--c5:#4f7300;--c6:#007a8a;--c7:#8a5a44;--c8:#7c8896;--c9:#a03c2e}
@media (prefers-color-scheme: dark){:root{--back:#14181d;--ink:#e8ecf1;--soft:#98a4b3;--grid:#2a323c;--c0:#ffb057;
--c1:#6da7ec;--c2:#4cc79a;--c3:#ab97f0;--c4:#ee86b7;--c5:#a8c95a;--c6:#55c7d6;--c7:#cfa58f;--c8:#8b97a6;--c9:#f0907f}}
svg{background:var(--back)}
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
.title{font-size:16px;font-weight:600}
.grid{stroke:var(--grid)}
.scale{fill:var(--soft)}
.end{text-anchor:end}
.middle{text-anchor:middle}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.first{stroke-width:3.5}
.strong{font-weight:600}
""" + "".join(
    f".s{number}{{stroke:var(--c{number})}}.f{number}{{fill:var(--c{number})}}\n" for number in range(10))
# Lines can be told apart without colours, too.
DASHES = ["", "7 4", "2 4", "9 3 2 3", "", "7 4", "2 4", "9 3 2 3", "4 2", "12 4"]


def curves(groups):
    """Groups with the same curve, by size: {curve: (unit, quantity, {line: [(size, cost for each unit)]})}."""
    found = {}
    for group in groups:
        if not group["curve"] or not group["size"]:
            continue
        _, _, lines = found.setdefault(group["curve"], (group["unit"], group["quantity"], {}))
        for row in group["rows"]:
            cost = row["nanoseconds"]["median"] if group["quantity"] == "time" else row["peak_bytes"]
            if cost > 0:
                lines.setdefault(row["command"], []).append((group["size"], cost / group["size"]))
    return found


def amount(value, quantity):
    """In as few figures as a scale needs: 20 µs, 1 kB."""
    steps = [(1, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")] if quantity == "time" else [
        (1, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")]
    size, name = max((step for step in steps if value >= step[0]), default=steps[0])
    return f"{value / size:g} {name}"


def ticks(least, most):
    """1, 2 and 5 times the powers of ten; powers alone where those would be too many."""
    exponents = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 1)
    parts = (1, 2, 5) if math.log10(most / least) < 2.5 else (1,)
    return [part * 10.0 ** exponent for exponent in exponents for part in parts
            if least * 0.999 <= part * 10.0 ** exponent <= most * 1.001]


class Panel:
    """One chart: where a size and a cost lie in it."""

    def __init__(self, top, lines):
        sizes = [size for points in lines.values() for size, _ in points]
        costs = [cost for points in lines.values() for _, cost in points]
        self.top = top
        self.x = self._scale(min(sizes), max(sizes), LEFT, WIDTH - RIGHT, 1.0)
        self.sizes = sorted(set(sizes))
        self.least, self.most = min(costs) / 1.3, max(costs) * 1.3
        self.y = self._scale(self.least, self.most, top + TOP + HEIGHT, top + TOP, 1.0)

    @staticmethod
    def _scale(least, most, start, end, margin):
        if most <= least:
            return lambda value: (start + end) / 2
        width = math.log(most / least) * margin
        return lambda value: start + (end - start) * math.log(value / least) / width


def spaced(wanted, gap, least, most):
    """Places for labels, near where each wants to be, at least `gap` apart, and all between `least` and `most`."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = list(wanted)
    floor = least
    for index in order:
        places[index] = max(places[index], floor)
        floor = places[index] + gap
    ceiling = most
    for index in reversed(order):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return places


def draw_panel(top, curve, unit, quantity, lines, emphasis=True):
    panel = Panel(top, lines)
    out = [f'<text class="title" x="{LEFT}" y="{top + 24}">{escape(curve[:1].upper() + curve[1:])}</text>']
    what = "time" if quantity == "time" else "memory"
    out.append(f'<text class="scale" x="{LEFT}" y="{top + 43}">{what} for each {escape(unit)}, both scales logarithmic</text>')
    right, bottom = WIDTH - RIGHT, top + TOP + HEIGHT
    for value in ticks(panel.least, panel.most):
        y = panel.y(value)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
        out.append(f'<text class="scale end" x="{LEFT - 8}" y="{y + 4:.1f}">{amount(value, quantity)}</text>')
    named = -math.inf
    for size in panel.sizes:
        x = panel.x(size)
        # Repositories of different cases have not quite the same sizes: one number is enough.
        if x < named + 70:
            continue
        named = x
        out.append(f'<path class="grid" d="M{x:.1f} {top + TOP}V{bottom}"/>')
        out.append(f'<text class="scale middle" x="{x:.1f}" y="{bottom + 18}">{size:,}</text>')
    names = list(lines)
    ends = [panel.y(lines[name][-1][1]) for name in names]
    places = spaced(ends, 17, top + TOP + 4, bottom)
    for number, name in reversed(list(enumerate(names))):
        style = number % 10
        points = [(panel.x(size), panel.y(cost)) for size, cost in lines[name]]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dash = f' stroke-dasharray="{DASHES[style]}"' if DASHES[style] else ""
        first = " first" if emphasis and number == 0 else ""
        out.append(f'<path class="line s{style}{first}"{dash} d="M{path}"/>')
        out += [f'<circle class="f{style}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
        # From the end of the line to its name, as names are moved where they would cover each other.
        out.append(
            f'<path class="grid" d="M{points[-1][0] + 5:.1f} {points[-1][1]:.1f}L{right + 10} {places[number]:.1f}"/>')
        strong = " strong" if emphasis and number == 0 else ""
        cost = amount(float(f"{lines[name][-1][1]:.2g}"), quantity)
        out.append(
            f'<text class="f{style}{strong}" x="{right + 14}" y="{places[number] + 4:.1f}">{escape(name)}: {cost}</text>')
    out.append(f'<text class="scale middle" x="{(LEFT + right) / 2}" y="{bottom + 38}">{escape(unit)}s</text>')
    return out


def draw(groups):
    """An SVG picture with a panel for each curve, or None where nothing has a size."""
    found = curves(groups)
    if not found:
        return None
    return picture([(curve, unit, quantity, lines, True) for curve, (unit, quantity, lines) in found.items()])


def overview(groups):
    """The same of lmsbuild alone: a panel for what is counted, a line for each curve."""
    many, *others = (f": {DESCRIPTIONS[name]}" for name in NAMES)
    panels = {}
    for curve, (unit, quantity, lines) in curves(groups).items():
        points = next(iter(lines.values()))
        # Other layouts have a table of their own.
        if len(points) > 1 and not curve.endswith(tuple(others)):
            panels.setdefault((quantity, unit), {})[curve.removesuffix(many).removeprefix("memory: ")] = points
    if not panels:
        return None
    titles = {"time": "Time of lmsbuild", "memory": "Peak of memory of lmsbuild"}
    return picture([
        (f"{titles[quantity]} for each {unit}", unit, quantity, lines, False)
        for (quantity, unit), lines in panels.items()])


def picture(panels):
    out, top = [], 0
    for curve, unit, quantity, lines, emphasis in panels:
        for points in lines.values():
            points.sort()
        out += draw_panel(top, curve, unit, quantity, lines, emphasis)
        top += TOP + HEIGHT + BOTTOM
    height = top + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>What each tool takes</title>\n<style>{STYLE}</style>\n'
        '<rect width="100%" height="100%" fill="var(--back)"/>')
    return "\n".join([head, *out, "</svg>", ""])
