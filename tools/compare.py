"""Compare a notebook's saved outputs with those of a new run: 'to the byte', 'within rounding' or 'differs', and where.

Processors round differently, and training carries a last bit far: resnet18's 6 mistakes of 2038 are 7 or 9 elsewhere.
So 'within rounding' means
- words are equal, and so are integers: shapes and numbers of pictures and parameters don't depend on rounding;
- decimals are as near as `TOLERANCE`, absolute for those below 1 (accuracies, losses) and relative for larger ones,
  plus one in the last digit that is printed (no more than 0.01), since rounding a number for print can add that;
- integers written as 'n of m', such as mistakes, are as near as that share of m: 6 of 2038 as its accuracy 0.9971 is;
- figures look the same: see `alike`.

0.003 is 6 of 2038 pictures. Three roundings of the same training were up to 0.0015 apart, and what the lessons compare
differs by more than 0.003. A cell that is more sensitive says so: `#| tolerance 0.02` is for its decimals and is the
share of a figure that may look different, and `#| tolerance 0.02 3` lets its integers differ by 3 as well. What a cell
measures with a clock can't be compared: with `#| timed` its words are, and neither numbers nor figures. Memory
addresses, the error stream (progress bars) and widgets are not compared."""
import re
from base64 import b64decode
from io import BytesIO
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from nbformat.v4 import new_code_cell
from PIL import Image, ImageFilter

TOLERANCE = 0.003
number = re.compile(r'(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[+-]?\d+)?')
count = re.compile(rf'({number.pattern})\s+of\s+({number.pattern})')
address = re.compile(r' at 0x[0-9a-f]+')
directive = re.compile(r'^#\| (timed|tolerance ([\d.]+)(?: (\d+))?)$', re.M)
printable = 'text/plain', 'text/markdown', 'text/html'


class Difference(NamedTuple):
    cell: str   # id
    saved: str  # The line that was saved, or which figure
    ran: str    # The line in its place


class Comparison(NamedTuple):
    verdict: str       # 'to the byte', 'within rounding' or 'differs'
    differences: list  # One `Difference` for each cell that differs: its first


def text(cell):
    "What `cell` printed, returned and raised, and the words in its diagrams, however it was split into messages"
    parts = []
    for o in cell.outputs:
        data = o.get('data', {})
        if o.output_type == 'stream': parts.append(o.text if o.name == 'stdout' else '')
        elif o.output_type == 'error': parts.append(f'\n{o.ename}: {o.evalue}\n')
        else: parts += [f'\n{data[kind]}\n' for kind in printable if kind in data]
        parts += re.findall('<text.*?</text>', data.get('image/svg+xml', ''), re.S)
    return address.sub('', ''.join(parts))


def figures(cell):
    "PNGs, in base64, and diagrams in SVG"
    kinds = 'image/png', 'image/svg+xml'
    return [o.data[kind].rstrip() for o in cell.outputs for kind in kinds if kind in o.get('data', {})]


def value(number): return float(number.replace(',', ''))


def last_digit(number):
    "What one in the last digit of a printed number is worth"
    mantissa, _, exponent = number.partition('e')
    return 10.0**(int(exponent or 0) - len(mantissa.partition('.')[2]))


def near(saved, ran, tolerance, integers):
    "Whether two printed numbers are equal but for rounding; `integers` is how far apart two integers may be"
    apart, unit = abs(value(saved) - value(ran)), min(last_digit(saved), last_digit(ran))
    if unit == 1: return apart <= integers
    absolute = 1e-6 if 'e' in saved + ran else tolerance  # what is printed as 1e-09 is noise itself
    return apart <= max(absolute, tolerance*abs(value(saved))) + min(unit, 0.01)


def same_line(saved, ran, tolerance, integers):
    "Whether words are equal, and numbers near"
    words, others = (re.sub(r'\s+', ' ', number.sub('#', o)).strip() for o in (saved, ran))
    counts = {o.start(): max(integers, tolerance*value(o[2])) for o in count.finditer(saved)}  # where n of m stands
    pairs = zip(number.finditer(saved), number.findall(ran))
    return words == others and all(near(a[0], b, tolerance, counts.get(a.start(), integers)) for a, b in pairs)


def blurred(png):
    image = Image.open(BytesIO(b64decode(png))).convert('RGBA')
    on_white = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return on_white.convert('RGB').filter(ImageFilter.GaussianBlur(3))


def alike(saved, ran, share):
    """Whether two figures look the same: PNGs equal in size but for 2 pixels, and after a blur no more than a `share`
    of the pixels further than 32 of 255 apart. A line that moves by a pixel comes to 10, another digit in a title to
    22, a line that moves by six pixels to 52, and other rounding alone to 2.

    Of two diagrams nothing is compared here: their words are part of `text`, and each dot places them anew."""
    if '<svg' in saved or '<svg' in ran: return '<svg' in saved and '<svg' in ran
    a, b = blurred(saved), blurred(ran)
    if max(abs(m - n) for m, n in zip(a.size, b.size)) > 2: return False
    apart = np.abs(np.asarray(a, int) - np.asarray(b.resize(a.size), int)).max(-1)
    return (apart > 32).mean() <= share


def first_difference(saved, ran):
    "The first `Difference` of two runs of a cell beyond rounding, or None"
    said = directive.search(saved.source)
    timed = said and said[1] == 'timed'
    tolerance, integers = (float(said[2]), int(said[3] or 0)) if said and not timed else (TOLERANCE, 0)
    for a, b in zip_longest(*([line for line in text(o).splitlines() if line.strip()] for o in (saved, ran))):
        if timed: a, b = (o and number.sub('#', o) for o in (a, b))
        if None in (a, b) or not same_line(a, b, tolerance, integers):
            return Difference(saved.id, a or 'nothing', b or 'nothing')
    for i, (a, b) in enumerate(zip_longest(figures(saved), figures(ran)), 1):
        if None in (a, b): return Difference(saved.id, *(f'figure {i}' if o else 'no figure' for o in (a, b)))
        if a != b and not timed and not alike(a, b, tolerance if said else 0):
            return Difference(saved.id, f'figure {i}', 'another picture')


def compare(saved, ran):
    "The `Comparison` of two notebooks. `ran` may have cells of its own, and one that it lacks counts as empty"
    cells = {o.id: o for o in ran.cells}
    pairs = [(o, cells.get(o.id, new_code_cell())) for o in saved.cells if o.cell_type == 'code']
    changed = [(a, b) for a, b in pairs if (text(a), figures(a)) != (text(b), figures(b))]
    differences = [o for a, b in changed if (o := first_difference(a, b))]
    return Comparison('differs' if differences else 'within rounding' if changed else 'to the byte', differences)
