"""Call paths of one row, from two runs of callpath.c: as a tree of text, and as a flame graph."""
import html

from symbols import REGIONS

MEASURED = "meter_run"  # what is above it is how the benchmark came there
LEAST = 0.01            # of all instructions: what the tree and the picture leave out
COLOURS = ("#d29922", "#57ab5a", "#539bf5")     # by region
WIDTH, ROW, FONT = 1200, 19, 12
LETTER = 6.6            # width of one, about


def shortened(path):
    """Without the way to what is measured."""
    names = [name for _, name in path]
    return path[len(names) - names[::-1].index(MEASURED):] if MEASURED in names else path


def read(path, symbols):
    """{tuple of (region, name), outermost first: instructions}"""
    parents, paths, counts = {1: None}, {1: ()}, {}

    def path_of(node):
        if node not in paths:
            parent, entry = parents[node]
            above = path_of(parent)
            here = symbols.find(entry)
            paths[node] = above if above[-1:] == (here,) else above + (here,)
        return paths[node]

    with open(path) as f:
        lines = [line.split() for line in f]
    for line in lines:
        if line[0] == "node":
            parents[int(line[1])] = (int(line[2]), int(line[3], 16))
    for line in lines:
        if line[0] == "count":
            above, here = path_of(int(line[1])), symbols.find(int(line[2], 16))
            key = shortened(above if above[-1:] == (here,) else above + (here,))
            counts[key] = counts.get(key, 0) + int(line[3])
    return counts


def difference(few, many, operations):
    """Instructions per operation by path: what one run has more than the other."""
    out = {key: (n - few.get(key, 0)) / operations for key, n in many.items()}
    return {key: n for key, n in out.items() if n >= 0.01}


class Frame:
    def __init__(self, name):
        self.name, self.total, self.inner = name, 0.0, {}


def tree(paths):
    """Frames with what they and those they call need."""
    root = Frame((0, "all"))
    for path, n in paths.items():
        at = root
        at.total += n
        for name in path:
            at = at.inner.setdefault(name, Frame(name))
            at.total += n
    return root


def largest(frame):
    return sorted(frame.inner.values(), key=lambda f: -f.total)


def show(frame, whole, level=0):
    """The tree as text, most needed first."""
    for inner in largest(frame):
        if inner.total >= LEAST * whole:
            print(f"{inner.total:8.1f}  {'  ' * level}{inner.name[1]}  ({REGIONS[inner.name[0]]})")
            show(inner, whole, level + 1)


def depth(frame):
    return 1 + max((depth(f) for f in frame.inner.values()), default=0)


def boxes(frame, x, level, scale, whole):
    """The rectangles of what a frame calls, side by side above it."""
    for inner in largest(frame):
        width = inner.total * scale
        if inner.total >= LEAST / 5 * whole:
            title = html.escape(f"{inner.name[1]} ({REGIONS[inner.name[0]]}): {inner.total:.1f} instructions, {100 * inner.total / whole:.1f} %")
            room = int((width - 6) / LETTER)
            text = inner.name[1] if len(inner.name[1]) <= room else inner.name[1][:room - 1] + "…" if room > 3 else ""
            yield (f'<g><title>{title}</title><rect x="{x:.1f}" y="{level * ROW}" width="{max(width - 0.5, 0.3):.1f}" height="{ROW - 1}" rx="2" '
                   f'fill="{COLOURS[inner.name[0]]}"/><text x="{x + 3:.1f}" y="{level * ROW + 14}">{html.escape(text)}</text></g>')
            yield from boxes(inner, x, level + 1, scale, whole)
        x += width


def flame(frame, title, path):
    """An SVG with callers above those they call; pointing at a frame tells what it needs."""
    height = (depth(frame) + 1) * ROW + 8
    legend = "".join(f'<tspan dx="14" fill="{c}">■ {r}</tspan>' for r, c in zip(REGIONS, COLOURS))
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="{FONT}">'
                f'<rect width="100%" height="100%" fill="#fff"/><text x="4" y="15">{html.escape(title)}: {frame.total:.0f} instructions{legend}</text>'
                f'<g transform="translate(0 {ROW + 4})">' + "\n".join(boxes(frame, 0, 0, WIDTH / frame.total, frame.total)) + "</g></svg>\n")
