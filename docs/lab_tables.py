"""Write the shipped numbers of each laboratory into its page: `python docs/lab_tables.py`, after a new full table."""

import sys
from pathlib import Path

import xarray as xr

import workbench as wb
from workbench.shipped import DATA
from workbench.studies.findings.laboratories.lab import lab_table
from workbench.studies.laboratories.registry import LABORATORIES

DOCS = Path(__file__).resolve().parent
BEGIN, END = "<!-- numbers: docs/lab_tables.py -->", "<!-- end of numbers -->"


def page(name: str) -> Path:
    """The page of a laboratory."""
    return DOCS / "methods" / f"{name.replace('_', '-')}.md"


def table(name: str) -> str:
    """The numbers of a laboratory as a Markdown table, and its sentence about the inside."""
    result = wb.laboratories.stored(name)
    rows = quadrants(result) if "quadrant" in result else compared(name, result)
    inside = result.attrs.get("finding_inside", "")
    lines = [_how(result), "", *rows, *(["", f"Inside: {inside}"] if inside else [])]
    for path in sorted((DATA / "laboratories").glob(f"*/{name}.nc")):  # of other bases, a folder each
        other = wb.laboratories.stored(f"{path.parent.name}/{name}")
        lines += ["", f"On {path.parent.name}: {_how(other)}", "", *compared(name, other)]
    return "\n".join(lines)


def _how(result: xr.Dataset) -> str:
    """What made a table, and of how many seeds it is."""
    seeds = result.sizes["seed"]
    return f"`{result.attrs['command']}`, {seeds} {'seed' if seeds == 1 else 'seeds'}, means over languages:"


def compared(name: str, result: xr.Dataset) -> list[str]:
    """Change, excess and verdict of each measure against each control."""
    frame = lab_table({name: result}).reset_index()
    several = frame.laboratory.nunique() > 1
    first = "recipe | " if several else ""
    lines = [f"| {first}measure | change | beyond | excess | verdict |", f"|{'---|' * (5 + several)}"]
    for row in frame.to_dict("records"):
        own = row["laboratory"].partition(", ")[2] + " | " if several else ""
        interval = f"{row['excess']} [{row['low']}, {row['high']}]"
        cells = (f"{own}{row['measure']}", f"{row['change']} {row['unit']}", row["control"], interval, row["verdict"])
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def quadrants(result: xr.Dataset) -> list[str]:
    """The quadrant of each language, and what is left of it beyond shuffled answers."""
    lines = [
        "| embeddings | form | language | pair, bits | others, bits | quadrant | beyond shuffled |",
        f"|{'---|' * 7}",
    ]
    for embedding in result.embedding.values:
        for form in result.form.values:
            for language in result.language.values:
                own = result.sel(embedding=embedding, form=form, language=language)
                gains = [f"{float(own.gain.sel(scope=scope)):+.2f}" for scope in result["scope"].values]
                words = (str(own.quadrant.values), str(own.excess_quadrant.values))
                lines.append(f"| {' | '.join(map(str, (embedding, form, language, *gains, *words)))} |")
    return lines


def with_numbers(text: str, numbers: str) -> str:
    """A page's text with new numbers between its marks."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{numbers}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Rewrite the pages."""
    for name in sys.argv[1:] or LABORATORIES:
        text = page(name).read_text(encoding="utf-8")
        page(name).write_text(with_numbers(text, table(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
