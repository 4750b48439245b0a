"""Runs lessons as their readers do: from the built wheel, in an environment like Colab's (newest fastai and fastcore,
no nbdev, Python 3.13 where it is installed), each in an empty folder. torch is the pinned one, so that numbers can be
compared; with NEWEST=1 it is the newest.

    python tests/lessons.py FOLDER RUN...     a run is a lesson, 03_sgd, or one with other last bits, 03_sgd+nudged

Several processes share the runs: each takes those that none has taken yet, and leaves what came of them in FOLDER."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from filelock import FileLock
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

root = Path(__file__).resolve().parents[1]
from_wheel = "import mnist_under_hood; assert 'site-packages' in mnist_under_hood.__file__, mnist_under_hood.__file__"
nudged = '''
import numpy as np
import mnist_under_hood.files as files
exact = files.cached_array
# each grey pixel's last bit is one more
files.cached_array = lambda *args: np.minimum(exact(*args)*np.float32(1 + 1e-7), 1)
from mnist_under_hood.data import load_split, mnist_sample
x = load_split(mnist_sample())[0]
assert (x.double()*255 - (x.double()*255).round()).abs().max() > 1e-5, "nothing changed"
del x'''


def nearest_python():
    "Colab's, where it is installed; else the one that runs this"
    for python in [shutil.which('python3.13'), *Path.home().glob('.pyenv/versions/3.13*/bin/python')]:
        if python and subprocess.run([python, '-c', ''], capture_output=True).returncode == 0: return python
    return sys.executable


def install(folder):
    """Build the wheel in `folder` and install it, in an environment that is kept until what it is made from
    changes; its Python"""
    source, newest, env = folder/'source', os.environ.get('NEWEST', ''), root/'.venv'/'wheel'
    shutil.copytree(root/'mnist_under_hood', source/'mnist_under_hood', ignore=shutil.ignore_patterns('__pycache__'))
    for o in root.iterdir():
        if o.suffix in ('.ini', '.toml', '.py', '.md', '.in') or o.name == 'LICENSE': shutil.copy(o, source)
    subprocess.run([sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--outdir', folder, source],
                   check=True, capture_output=True)
    wheel, = folder.glob('*.whl')
    beside = Path(sys.executable).parent/'uv'
    uv = beside if beside.exists() else shutil.which('uv')
    assert uv, 'uv is a development requirement: make a new .venv'
    python = env/('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
    into = [uv, 'pip', 'install', '--quiet', '--python', python]
    pins = [] if newest else re.findall(r'^torch(?:vision)?==\S+', (root/'constraints.txt').read_text(), re.M)
    requirements = re.findall(r'^(?:course_)?requirements = (.*)', (root/'settings.ini').read_text(), re.M)
    made_from, mark = repr([nearest_python(), requirements, (root/'constraints.txt').read_text()]), env/'made-from'
    if newest or not mark.exists() or mark.read_text() != made_from:
        shutil.rmtree(env, ignore_errors=True)
        subprocess.run([uv, 'venv', '--quiet', '--python', nearest_python(), env], check=True)
        subprocess.run([*into, f'{wheel}[course]', 'fastcore>=2', 'ipykernel', *pins], check=True)
        if not newest: mark.write_text(made_from)
    subprocess.run([*into, '--reinstall', '--no-deps', wheel], check=True)
    return python


def wheel(folder):
    "The Python of the environment that holds the wheel, which the first process that asks for it makes"
    with FileLock(folder/'lock'):
        if not (spec := folder/'wheel'/'kernel.json').exists():
            argv = [str(install(folder)), '-m', 'ipykernel_launcher', '-f', '{connection_file}']
            spec.parent.mkdir()
            spec.write_text(json.dumps({'argv': argv, 'display_name': 'wheel', 'language': 'python'}))
    return json.loads(spec.read_text())['argv'][0]


def run(name, folder):
    """Run a lesson if no process has yet: its notebook goes into `folder`, and what stopped it, if anything did,
    into its metadata"""
    try: (folder/f'{name}.taken').touch(exist_ok=False)
    except FileExistsError: return
    lesson, _, kind = name.partition('+')
    nb, place, began = nbformat.read(root/'nbs'/f'{lesson}.ipynb', as_version=4), folder/name, time.monotonic()
    place.mkdir()
    for cell in nb.cells:
        if cell.cell_type == 'code': cell.outputs = []
    nb.cells.insert(0, nbformat.v4.new_code_cell(from_wheel + (nudged if kind else '')))
    wheel(folder)
    manager = AsyncKernelManager(kernel_name='wheel', kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(folder)]))
    client = NotebookClient(nb, km=manager, timeout=1200, coalesce_streams=True,
                            extra_arguments=['--IPKernelApp.log_level=40'],
                            resources={'metadata': {'path': str(place)}})
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | {'OMP_NUM_THREADS': '1',
                                                                                   'EXPERIMENTS': 'recorded'}
    if kind: environment['ATEN_CPU_CAPABILITY'] = 'default'  # torch's code for processors without vector units
    try: client.execute(env=environment, cleanup_kc=True)
    except Exception as e: nb.metadata['stopped'] = f'{type(e).__name__}: {e}'  # which the test reports
    nb.metadata['seconds'] = round(time.monotonic() - began)
    nbformat.write(nb, folder/f'{name}.part')
    os.replace(folder/f'{name}.part', folder/f'{name}.ipynb')


class Runs:
    """The runs of one test session: other processes begin them, the last lesson first, and `result` helps from the
    first lesson on"""
    def __init__(self, names):
        self.names, self.folder = names, Path(tempfile.mkdtemp(prefix='lessons-'))
        helpers = min(4, os.cpu_count()) - 1 or 1 if names else 0
        self.processes = [subprocess.Popen([sys.executable, __file__, self.folder, *reversed(names)])
                          for _ in range(helpers)]

    def result(self, name):
        "The notebook of a run, and the folder in which it ran"
        file = self.folder/f'{name}.ipynb'
        for o in (name, *self.names):
            if not file.exists(): run(o, self.folder)
        while not file.exists():
            assert any(o.poll() is None for o in self.processes), f'the process that ran {name} is gone'
            time.sleep(0.1)
        return nbformat.read(file, as_version=4), self.folder/name

    def close(self):
        for o in self.processes: o.kill()
        for o in self.processes: o.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == '__main__':
    for name in sys.argv[2:]: run(name, Path(sys.argv[1]))
