"""Run the pages of the course in fresh kernels, and compare what they print and draw with what they show.

    python tools/course.py            every page, then the ladders of results and the reproduction report
    python tools/course.py 03_sgd     the ones named

The pages run beside copies of their own in _course/, which git ignores, as many at a time as there are cores, and no tracked file changes.
A page that ran there to its end isn't run again unless it, the package, the versions or the data changed; ANEW=1 begins anew."""
import asyncio
import hashlib
import logging
import os
import re
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from time import sleep

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from compare import compare

root = Path(__file__).resolve().parents[1]
nbs, copies = root/'nbs', root/'_course'/'nbs'  # no settings.ini above the copies, so a page's last cell exports nothing
apart = 'benchmarks',  # run only when named
longest = '08_resnet', '11_ten_digits', '03_sgd', '07_relu'  # these begin first
ladders = '08_resnet', '11_ten_digits'
silent = re.compile(r'nbdev_export\(\)|^! ', re.M)  # cells whose output nobody wants
colours = re.compile(r'\x1b\[[0-9;]*m')
kernels = {}  # of the pages that run now, by name


def chosen(names):
    "The pages of these names, or all, as paths within nbs/"
    found = [o.relative_to(nbs) for o in [*sorted(nbs.glob('*.ipynb')), *sorted(nbs.glob('api/*.ipynb'))]]
    if unknown := set(names) - {o.stem for o in found}: sys.exit(f'there is no notebook {", ".join(sorted(unknown))} in {nbs}')
    return [o for o in found if (o.stem in names if names else o.stem not in apart)]


def read(file): return nbformat.read(file, as_version=4)


def fingerprint(page, data):
    "What the outputs of a page depend on: its cells, the package, the versions, the data, and how torch rounds"
    package = [o.read_bytes() for o in sorted((root/'mnist_under_hood').iterdir()) if o.is_file()]
    said = [[c.source for c in read(nbs/page).cells], package, sys.version, (root/'constraints.txt').read_bytes(), data, os.environ.get('ATEN_CPU_CAPABILITY')]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def ran(page, mark): return (copies/page).exists() and read(copies/page).metadata.get('course') == mark


def run(page, mark, folder=None):
    "Run a page in `folder`, beside its copy if None; keep the copy, marked if it ran to its end; return what stopped it, or None"
    nb, file, stopped = read(nbs/page), copies/page, None
    for cell in nb.cells:
        if cell.cell_type == 'code': cell.outputs = []
    (file.parent/'playground').mkdir(parents=True, exist_ok=True)
    client = NotebookClient(nb, timeout=3600, startup_timeout=300, kernel_name='python3', coalesce_streams=True, extra_arguments=['--IPKernelApp.log_level=40'],
                            resources={'metadata': {'path': str(folder or file.parent)}}, on_cell_start=lambda cell, cell_index: now.update(cell=cell.id))
    now, kernels[page.stem] = dict(cell='none'), client
    try: client.execute()
    except CellExecutionError as e:
        line = re.search(r'^-+> \d+ (.*)', colours.sub('', e.traceback), re.M)
        stopped = '\n'.join([f'cell {now["cell"]}', *([line[1].strip()] if line else []), *f'{e.ename}: {e.evalue}'.splitlines()[:10]])
    except (CellTimeoutError, DeadKernelError, RuntimeError) as e: stopped = f'cell {now["cell"]}\n{e}'
    else: nb.metadata['course'] = mark
    del kernels[page.stem]
    for cell in nb.cells:
        if cell.cell_type == 'code' and silent.search(cell.source): cell.outputs = []
    nbformat.write(nb, file.with_suffix('.part'))
    os.replace(file.with_suffix('.part'), file)
    return stopped


def run_all(pages, marks):
    "Run the pages that didn't yet, and return what stopped those that stopped"
    todo = sorted([o for o in pages if not ran(o, marks[o])], key=lambda o: (longest.index(o.stem) if o.stem in longest else len(longest)))
    if len(todo) < len(pages): print(f'{len(pages) - len(todo)} of {len(pages)} pages ran before and have not changed since; ANEW=1 runs them again.')
    pool, stopped = ThreadPoolExecutor(min(4, os.cpu_count())), {}  # each takes up to 1.5 GB
    futures = {pool.submit(run, o, marks[o], nbs if o.stem in apart else None): o for o in todo}
    try:
        with tqdm(total=len(todo), unit='page', disable=not todo) as bar:
            left = set(futures)
            while left:
                done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
                stopped.update({futures[o]: o.result() for o in done if o.result()})
                if done: bar.update(len(done))
                if done or sys.stderr.isatty(): bar.set_description(', '.join(kernels))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        while kernels:  # those that are just starting too
            for client in list(kernels.values()):
                if client.km and client.km.provisioner: asyncio.run(client.km.provisioner.send_signal(signal.SIGKILL))
            sleep(0.2)
        raise
    return stopped


def ladder(nb):
    "What the last cell that calls `ladder(` returned, or None"
    for cell in reversed(nb.cells):
        if cell.cell_type == 'code' and 'ladder(' in cell.source:
            for output in cell.outputs:
                if 'text/plain' in output.get('data', {}): return output.data['text/plain']


def printed(nb):
    "What all cells printed"
    return ''.join(o.text for c in nb.cells if c.cell_type == 'code' for o in c.outputs if o.get('name') == 'stdout')


def report(pages, stopped, comparable):
    "Print how each page's outputs compare with those that it shows"
    print('\nReproduction: what each page printed and drew in this run, beside what it shows')
    if not comparable: print("These are not MNIST_SAMPLE's pictures, so the numbers are others than those shown, and only whether a page ran is told.")
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
    "Run and report; returns the pages, and what stopped those that stopped. To `record` them wants the real pictures"
    logging.getLogger('traitlets').setLevel(logging.CRITICAL)
    if not set(names) & set(apart): os.environ['OMP_NUM_THREADS'] = '1'  # so that the same machine gives the same bytes
    os.environ.update(COURSE='1', PYTHONPATH=os.pathsep.join(filter(None, [str(root), os.environ.get('PYTHONPATH')])))
    sys.path.insert(0, str(root))
    from mnist_under_hood.files import SAMPLE, count_images, is_mnist_sample, mnist_sample
    pages = chosen(names)
    try: path = mnist_sample()  # downloads, if need be, where the progress can be seen
    except (OSError, ValueError, ImportError) as e: sys.exit(str(e))
    if record and not is_mnist_sample(path): sys.exit(f'{path} is not MNIST_SAMPLE, whose numbers the pages show, so nothing is recorded.')
    data = [str(path), count_images(path, SAMPLE.splits), os.environ.get('MNIST_UNDER_HOOD_DATA')]
    if os.environ.get('ANEW'):
        for page in pages: (copies/page).unlink(missing_ok=True)
    stopped = run_all(pages, {o: fingerprint(o, data) for o in pages})
    for page in pages:
        if page in stopped or not (names or page.stem in ladders): continue
        if table := (printed if page.stem in apart else ladder)(read(copies/page)): print(f'\n{page.stem}\n{table}')
    report(pages, stopped, is_mnist_sample(path))
    print(f'\nThe notebooks as they ran are in {copies.relative_to(root)}/.')
    return pages, stopped


if __name__ == '__main__':
    try: sys.exit(bool(main(sys.argv[1:])[1]))
    except KeyboardInterrupt:
        print('\nInterrupted. What ran to its end is kept, and the same command goes on from here.', flush=True)
        os._exit(130)  # at once, without nbclient's clean-up of kernels that are gone
