"""Medians, spreads, ratios."""
import math
import statistics


def summary(values):
    """A row's values of one side: every run, the median, and the spread (largest less smallest, of the median)."""
    middle = statistics.median(values)
    return {"runs": [round(v, 4) for v in values], "median": round(middle, 4),
            "spread": round((max(values) - min(values)) / middle, 5) if middle else 0.0}


def ratio(ours, theirs):
    """Of two summaries' medians: below 1 ours costs less."""
    if not ours or not theirs or not theirs["median"]:
        return None
    return round(ours["median"] / theirs["median"], 5)


def paired_ratio(ours, theirs):
    """The median of the ratios of runs that were made next to each other, with their range."""
    if not ours or not theirs:
        return None
    pairs = [a / b for a, b in zip(ours["runs"], theirs["runs"]) if a and b]
    return {"median": round(statistics.median(pairs), 5), "low": round(min(pairs), 5), "high": round(max(pairs), 5)} if pairs else None


def geometric_mean(values):
    values = [v for v in values if v]
    return round(math.exp(sum(math.log(v) for v in values) / len(values)), 5) if values else None
