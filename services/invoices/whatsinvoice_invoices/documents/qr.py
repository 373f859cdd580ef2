"""QR codes as SVG: one stroke for each run of dark modules, so that they stay sharp at any size."""

from itertools import groupby

import segno

_QUIET = 4  # modules of white around it, as ISO/IEC 18004 asks
# Any of the eight masks can be read. Trying all of them for the prettiest costs more than drawing the whole page.
_MASK = 2


def qr_svg(url: str) -> str:
    """Draw `url` with error correction M: a code that prints small and still reads with a fold in it."""
    matrix = segno.make_qr(url, error="m", boost_error=False, mask=_MASK).matrix
    side = len(matrix) + 2 * _QUIET
    path: list[str] = []
    for y, row in enumerate(matrix, _QUIET):
        x = _QUIET
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                path.append(f"M{x} {y}.5h{width}")
            x += width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path stroke="#000" d="{"".join(path)}"/></svg>'
    )
