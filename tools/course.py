"""Run notebooks top to bottom, each in a fresh kernel, and keep their outputs in them.

    python tools/course.py            every lesson and page, then the ladder of results
    python tools/course.py 03_sgd     the ones named"""
import os, re, sys
from base64 import b64decode
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbdev.clean import nbdev_clean
from tqdm import tqdm

nbs = Path(__file__).resolve().parents[1]/'nbs'
colours = re.compile(r'\x1b\[[0-9;]*m')
pictures = {'resnet-ladder': 'ladder.png'}  # figures that the home page and the README show
silent = re.compile(r'nbdev_export\(\)|^! ', re.M)


def run(file):
    "Execute `file` in its own folder and save it with its outputs, cleaned"
    nb = nbformat.read(file, as_version=4)
    NotebookClient(nb, timeout=3600, kernel_name='python3', coalesce_streams=True, extra_arguments=['--IPKernelApp.log_level=40'],
                   resources={'metadata': {'path': str(file.parent)}}).execute()
    for cell in nb.cells:
        if cell.cell_type == 'code' and silent.search(cell.source): cell.outputs = []
        if cell.id in pictures: (nbs/'images'/pictures[cell.id]).write_bytes(b64decode(next(o.data['image/png'] for o in cell.outputs if 'image/png' in o.get('data', {}))))
    nbformat.write(nb, file)
    nbdev_clean(str(file))
    return nb


def ladder(nb):
    "What the last cell that calls `ladder(` printed, or None"
    for cell in reversed(nb.cells):
        if cell.cell_type == 'code' and 'ladder(' in cell.source:
            for output in cell.outputs:
                if 'text/plain' in output.get('data', {}): return output.data['text/plain']


def printed(nb):
    "What all cells printed"
    return '\n'.join(o.text for c in nb.cells if c.cell_type == 'code' for o in c.outputs if o.get('name') == 'stdout')


def main(names):
    pages = [*sorted(nbs.glob('[0-9][0-9]_*.ipynb')), nbs/'glossary.ipynb', nbs/'distributed.ipynb', nbs/'index.ipynb', nbs/'playground.ipynb', nbs/'questionnaire.ipynb', *sorted(nbs.glob('api/*.ipynb'))]
    files = [o for o in [*pages, nbs/'benchmarks.ipynb'] if o.stem in (names or {o.stem for o in pages})]
    if unknown := set(names) - {o.stem for o in files}: sys.exit(f'there is no notebook {", ".join(sorted(unknown))} in {nbs}')
    os.environ['COURSE'] = '1'  # so that notebooks write the files that the site shows
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(nbs.parent), os.environ.get('PYTHONPATH')]))
    from mnist_under_hood.files import mnist_sample
    mnist_sample()  # downloads, if need be, where the progress can be seen
    tables = {}
    with tqdm(files, unit='notebook') as bar:
        for file in bar:
            bar.set_description(file.stem)
            try: tables[file.stem] = (printed if file.stem == 'benchmarks' else ladder)(run(file))
            except CellExecutionError as e: sys.exit(f'\n{file.name} stopped with {e.ename}: {e.evalue}\n\n{colours.sub("", e.traceback)}')
    for name in names or ('08_resnet', '11_ten_digits'):
        if tables[name]: print(f'\n{name}\n{tables[name]}')


if __name__ == '__main__': main(sys.argv[1:])
