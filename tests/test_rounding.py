"""What a lesson prints and tests holds where a processor rounds otherwise: its last bits changed, at the start and on the way."""
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root/'tools'))
from compare import compare
from mnist_under_hood.data import is_mnist_sample, mnist_sample

# Multiplies each pixel but the white and the black ones by 1 + 1e-7, which moves it by its last bit
PERTURB = '''
import mnist_under_hood.data as data
load = data.load_split
def load_split(*args, **kw):
    x, y = load(*args, **kw)
    assert not (x*(1 + {by})).equal(x), 'nothing changed'
    return (x*(1 + {by})).clamp(max=1), y
data.load_split = load_split'''


@pytest.mark.parametrize('lesson', ['04_linear', '10_silent_bugs'])
def test_last_bits_do_not_show(lesson, monkeypatch):
    file = root/'nbs'/f'{lesson}.ipynb'
    saved, ran = (nbformat.read(file, as_version=4) for _ in range(2))
    ran.cells = [o for o in ran.cells if 'nbdev_export()' not in o.source]
    ran.cells.insert(0, nbformat.v4.new_code_cell(PERTURB.format(by=1e-7)))
    monkeypatch.setenv('ATEN_CPU_CAPABILITY', 'default')
    monkeypatch.setenv('PYTHONPATH', str(root), prepend=':')
    NotebookClient(ran, timeout=600, kernel_name='python3', coalesce_streams=True, resources={'metadata': {'path': str(file.parent)}}).execute()
    saved.cells = [o for o in saved.cells if 'nbdev_export()' not in o.source]
    if is_mnist_sample(mnist_sample()): assert compare(saved, ran).differences == []
