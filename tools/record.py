"""Keep a run's outputs in the notebooks, for those who work on the course: the site and the README show them.

    python tools/record.py            runs every page as tools/course.py does, then keeps its outputs
    python tools/record.py 03_sgd     the ones named

The report that is printed compares with what was recorded before, so it tells which pages changed beyond rounding."""
import shutil
import sys
from base64 import b64decode

import nbformat
from nbdev.clean import nbdev_clean

from compare import compare, figures
from course import copies, main, nbs, read

pictures = {'resnet-ladder': 'ladder.png'}  # figures that the home page and the README show


def keep(page):
    "The outputs of a page's copy into the page, unless they are the same"
    saved, ran = read(nbs/page), read(copies/page)
    if compare(saved, ran).verdict != 'to the byte':
        for cell, new in zip(saved.cells, ran.cells):
            if cell.cell_type == 'code': cell.outputs = new.outputs
        nbformat.write(saved, nbs/page)
        nbdev_clean(str(nbs/page))
    for cell in saved.cells:
        if cell.id in pictures: (nbs/'images'/pictures[cell.id]).write_bytes(b64decode(figures(cell)[0]))
    if page.stem == 'playground': shutil.copy(copies/'playground'/'models.json', nbs/'playground')


if __name__ == '__main__':
    pages, stopped = main(sys.argv[1:], record=True)
    for page in pages:
        if page not in stopped: keep(page)
    print(f'\nKept in {nbs.name}/: {len(pages) - len(stopped)} of {len(pages)} pages.')
    sys.exit(bool(stopped))
