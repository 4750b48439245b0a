"""Run lessons top to bottom, each in a fresh kernel, and keep their outputs in the notebooks.

    python tools/course.py            every lesson, then the ladder of results
    python tools/course.py 03_sgd     the lessons named"""
import os, re, sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbdev.clean import nbdev_clean
from tqdm import tqdm

nbs = Path(__file__).resolve().parents[1]/'nbs'
colours = re.compile(r'\x1b\[[0-9;]*m')
no_output = re.compile(r'nbdev_export\(\)|pip install')


def run(file):
    "Execute `file` and save it, cleaned. Cells keep their outputs whatever order machines list folders or print times in"
    nb = nbformat.read(file, as_version=4)
    NotebookClient(nb, timeout=1200, kernel_name='python3', coalesce_streams=True, extra_arguments=['--IPKernelApp.log_level=40'],
                   resources={'metadata': {'path': str(nbs)}}).execute()
    for cell in nb.cells:
        if cell.cell_type == 'code' and no_output.search(cell.source): cell.outputs = []
    nbformat.write(nb, file)
    nbdev_clean(str(file))
    return nb


def ladder(nb):
    "What the last cell that calls `ladder(` printed, or None"
    for cell in reversed(nb.cells):
        if cell.cell_type == 'code' and 'ladder(' in cell.source:
            for output in cell.outputs:
                if 'text/plain' in output.get('data', {}): return output.data['text/plain']


def main(names):
    files = sorted(o for o in nbs.glob('[0-9][0-9]_*.ipynb') if not names or o.stem in names)
    if unknown := set(names) - {o.stem for o in files}: sys.exit(f'there is no lesson {", ".join(sorted(unknown))} in {nbs}')
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(nbs.parent), os.environ.get('PYTHONPATH')]))
    from mnist_under_hood.files import mnist_sample
    mnist_sample()  # downloads, if need be, where the progress can be seen
    table = None
    with tqdm(files, unit='lesson') as bar:
        for file in bar:
            bar.set_description(file.stem)
            try: table = ladder(run(file)) or table
            except CellExecutionError as e: sys.exit(f'\n{file.name} stopped with {e.ename}: {e.evalue}\n\n{colours.sub("", e.traceback)}')
    if table: print(f'\n{table}')


if __name__ == '__main__': main(sys.argv[1:])
