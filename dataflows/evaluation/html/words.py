"""Numbers as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "–"  # noqa: RUF001 - a dash stands for a figure that there is not


def share(value: float | None, digits: int = 3) -> str:
    """Write a share, or another small number."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share in per cent."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def count(value: float | None) -> str:
    """Write a whole number."""
    return NOTHING if value is None else f"{value:,.0f}"


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference."""
    if value is None:
        return NOTHING
    rounded = round(value, digits) + 0.0  # no minus before a zero
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def span(limits: list[float] | None) -> str:
    """Write an interval."""
    return NOTHING if limits is None else f"{share(limits[0])} to {share(limits[1])}"


def signed_span(limits: list[float] | None) -> str:
    """Write the interval of a difference."""
    return NOTHING if limits is None else f"{signed(limits[0])} to {signed(limits[1])}"


def brief(value: float) -> str:
    """Write a number short enough for an axis."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.3g}"


def brief_percent(value: float) -> str:
    """Write a share in per cent short enough for an axis."""
    return f"{100 * value:.3g} %"


def milliseconds(value: float | None) -> str:
    """Write a time in milliseconds, or in seconds."""
    if value is None:
        return NOTHING
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def day(ts: float) -> str:
    """Write the date of a time in seconds since 1970."""
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return f"time {ts:.6g}"


def title(key: str) -> str:
    """Write a key of the report as words."""
    return key.replace("_", " ")
