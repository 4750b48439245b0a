"""Run the pages of the course in fresh kernels, and compare what they print and draw with what they show.

    python tools/course.py            every page, then the ladders of results and the reproduction report
    python tools/course.py 03_sgd     the ones named

The pages run beside copies of their own in _course/, which git ignores, as many at a time as there are cores, and no
tracked file changes. A page that ran there to its end isn't run again unless its code, the package, the versions or the
data changed; ANEW=1 runs it anew."""
import asyncio
import hashlib
import logging
import os
import re
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from time import sleep

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from compare import compare

root = Path(__file__).resolve().parents[1]
nbs, copies = root/'nbs', root/'_course'/'nbs'  # with no settings.ini above a copy, its last cell exports nothing
apart = 'benchmarks',  # run only when named, in nbs/
longest = '09_resnet', '12_ten_digits', '03_sgd', '07_relu'  # these begin first
ladders = '09_resnet', '12_ten_digits'
silent = re.compile(r'nbdev_export\(\)|^! ', re.M)  # cells whose output nobody wants
colours = re.compile(r'\x1b\[[0-9;]*m')
kernels = {}  # of the pages that run now, by name


def chosen(names):
    "The pages of these names, or all, as paths within nbs/"
    found = [o.relative_to(nbs) for o in [*sorted(nbs.glob('*.ipynb')), *sorted(nbs.glob('api/*.ipynb'))]]
    if unknown := set(names) - {o.stem for o in found}:
        sys.exit(f'there is no notebook {", ".join(sorted(unknown))} in {nbs}')
    return [o for o in found if (o.stem in names if names else o.stem not in apart)]


def read(file): return nbformat.read(file, as_version=4)


def code_cells(nb): return [o for o in nb.cells if o.cell_type == 'code']


def fingerprint(page, data):
    "What the outputs of a page depend on: its code, the package, the versions, the data, and how torch rounds"
    code = [re.sub(r'^#\|.*\n', '', o.source, flags=re.M) for o in code_cells(read(nbs/page))]
    package = [o.read_bytes() for o in sorted((root/'mnist_under_hood').iterdir()) if o.is_file()]
    versions = sys.version, (root/'constraints.txt').read_bytes()
    all_of_it = repr([code, package, versions, data, os.environ.get('ATEN_CPU_CAPABILITY')])
    return hashlib.sha256(all_of_it.encode()).hexdigest()


def ran(page, mark): return (copies/page).exists() and read(copies/page).metadata.get('course') == mark


def run(page, mark):
    "Run a page, and keep its copy, marked if it ran to its end. Returns what stopped it, or None"
    nb, file, now, stopped = read(nbs/page), copies/page, {}, None
    for cell in code_cells(nb): cell.outputs = []
    (file.parent/'playground').mkdir(parents=True, exist_ok=True)
    folder = nbs if page.stem in apart else file.parent
    kernels[page.stem] = client = NotebookClient(
        nb, timeout=3600, startup_timeout=300, kernel_name='python3', coalesce_streams=True,
        extra_arguments=['--IPKernelApp.log_level=40'], resources={'metadata': {'path': str(folder)}},
        on_cell_start=lambda cell, cell_index: now.update(cell=cell.id))
    try: client.execute()
    except CellExecutionError as e:
        line = re.search(r'^-+> \d+ +(.*)', colours.sub('', e.traceback), re.M)
        error = f'{e.ename}: {e.evalue}'.splitlines()[:10]
        stopped = '\n'.join([f'cell {now["cell"]}', *([line[1]] if line else []), *error])
    except (RuntimeError, TimeoutError) as e:  # the kernel died, or a cell took an hour
        stopped = f'cell {now.get("cell")}\n{e}'
    else: nb.metadata['course'] = mark
    finally: del kernels[page.stem]
    for cell in code_cells(nb):
        if silent.search(cell.source): cell.outputs = []
    nbformat.write(nb, file.with_suffix('.part'))
    os.replace(file.with_suffix('.part'), file)
    return stopped


def run_all(pages, marks):
    "Run the pages that didn't yet run to their end. Returns what stopped those that stopped"
    todo = [o for o in pages if not ran(o, marks[o])]
    todo.sort(key=lambda o: longest.index(o.stem) if o.stem in longest else len(longest))
    kept = len(pages) - len(todo)
    if kept: print(f'{kept} of {len(pages)} pages ran before and have not changed since; ANEW=1 runs them anew.')
    pool, stopped = ThreadPoolExecutor(min(4, os.cpu_count())), {}  # a page takes up to 1.5 GB
    futures = {pool.submit(run, o, marks[o]): o for o in todo}
    left = set(futures)
    try:
        with tqdm(total=len(todo), unit='page', disable=not todo) as bar:
            while left:
                done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
                stopped.update({futures[o]: o.result() for o in done if o.result()})
                if done: bar.update(len(done))
                if done or sys.stderr.isatty(): bar.set_description(', '.join(kernels))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        while kernels:  # those that are just starting too
            for client in list(kernels.values()):
                if client.km and client.km.provisioner: asyncio.run(client.km.provisioner.kill())
            sleep(0.2)
        print('\nInterrupted. What ran to its end is kept, and the same command goes on from here.', flush=True)
        os._exit(130)  # at once, without nbclient's clean-up of kernels that are gone
    return stopped


def ladder(nb):
    "What the last cell that calls `ladder(` returned, or None"
    for cell in reversed(code_cells(nb)):
        if 'ladder(' in cell.source:
            for output in cell.outputs:
                if 'text/plain' in output.get('data', {}): return output.data['text/plain']


def printed(nb):
    "What all cells printed"
    return ''.join(o.text for c in code_cells(nb) for o in c.outputs if o.get('name') == 'stdout')


def report(pages, stopped, comparable):
    "Print how each page's outputs compare with those that it shows"
    print('\nReproduction: what each page printed and drew in this run, beside what it shows')
    if not comparable:
        print("These are not MNIST_SAMPLE's pictures, so the numbers are not the pages' numbers, and none is compared.")
    width = max(len(o.stem) for o in pages) + 2
    for page in pages:
        if page in stopped: print(f'{page.stem:{width}}stopped in ' + stopped[page].replace('\n', '\n      '))
        elif not comparable or page.stem in apart: print(f'{page.stem:{width}}ran')
        else:
            verdict, differences = compare(read(nbs/page), read(copies/page))
            print(f'{page.stem:{width}}{verdict}')
            for o in differences: print(f'    cell {o.cell}\n      shown: {o.saved}\n      here:  {o.ran}')
    if stopped: print(f'\n{len(stopped)} of {len(pages)} pages stopped.')


def main(names, record=False):
    "Run and report. Returns the pages, and what stopped those that stopped. To `record` takes the real pictures"
    logging.getLogger('traitlets').setLevel(logging.CRITICAL)
    if not set(names) & set(apart): os.environ['OMP_NUM_THREADS'] = '1'  # the same machine gives the same bytes
    paths = [str(root), os.environ.get('PYTHONPATH')]
    os.environ.update(COURSE='1', PYTHONPATH=os.pathsep.join(filter(None, paths)))
    sys.path.insert(0, str(root))
    from mnist_under_hood.files import MNIST_SAMPLE, count_images, is_mnist_sample, mnist_sample
    pages = chosen(names)
    try: path = mnist_sample()  # downloads, if need be, where the progress can be seen
    except (OSError, ValueError, ImportError) as e: sys.exit(str(e))
    if record and not is_mnist_sample(path):
        sys.exit(f'{path} is not MNIST_SAMPLE, whose numbers the pages show, so nothing is recorded.')
    if os.environ.get('ANEW'):
        for page in pages: (copies/page).unlink(missing_ok=True)
    data = [str(path), count_images(path, MNIST_SAMPLE.splits), os.environ.get('MNIST_UNDER_HOOD_DATA')]
    stopped = run_all(pages, {o: fingerprint(o, data) for o in pages})
    for page in pages:
        if page in stopped or not (names or page.stem in ladders): continue
        table = (printed if page.stem in apart else ladder)(read(copies/page))
        if table: print(f'\n{page.stem}\n{table}')
    report(pages, stopped, is_mnist_sample(path))
    print(f'\nThe notebooks as they ran are in {copies.relative_to(root)}/.')
    print('The pages of the site, with the outputs that are saved: make site')
    return pages, stopped


if __name__ == '__main__': sys.exit(bool(main(sys.argv[1:])[1]))
