"""The built wheel, used as a reader of a lesson and as an importer of the package would: from an empty folder,
without the repository."""
import os
import subprocess
from pathlib import Path

import lessons
import nbformat
import pytest
from compare import compare
from PIL import Image

from mnist_under_hood.files import is_mnist_sample, mnist_sample

root = Path(__file__).resolve().parents[1]

names = [o.stem for o in sorted((root/'nbs').glob('[0-9][0-9]_*.ipynb'))]
# once more, with other last bits
nudged = [o for o in names if o in ('04_linear', '11_silent_bugs') or os.environ.get('NUDGED')]
block = "import sys\nfor name in 'fastai', 'fastbook', 'fastcore', 'graphviz', 'sklearn': sys.modules[name] = None\n"


@pytest.fixture(scope='session')
def wheel(runs): return lessons.wheel(runs.folder)


def run(python, code, folder):
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    return subprocess.run([python, '-c', code], cwd=folder, env=environment, capture_output=True, text=True)


def test_environment_is_like_colabs(wheel, tmp_path):
    result = run(wheel, 'import importlib.util, fastai, fastcore\n'
                        'print(fastai.__version__, fastcore.__version__, importlib.util.find_spec("nbdev"))', tmp_path)
    fastai, fastcore, nbdev = result.stdout.split()
    assert tuple(map(int, fastai.split('.'))) >= (2, 8, 8) and int(fastcore.split('.')[0]) >= 2 and nbdev == 'None'


def test_wheel_holds_the_package_alone(wheel, tmp_path):
    result = run(wheel, 'import mnist_under_hood, os; print(*os.listdir(os.path.dirname(mnist_under_hood.__file__)))',
                 tmp_path)
    assert result.returncode == 0, result.stderr
    modules = [o.name for o in (root/'mnist_under_hood').iterdir() if o.name != '__pycache__']
    assert sorted({*result.stdout.split()} - {'__pycache__'}) == sorted(modules)


def test_package_imports_without_fastai_fastbook_and_nbdev(wheel, tmp_path):
    result = run(wheel, block + 'from mnist_under_hood.all import *\nimport torch\n' + lessons.from_wheel + '\n'
                 'assert "matplotlib" not in sys.modules\n'
                 'print(len(DataLoader(torch.ones(4, 784), torch.ones(4, 1), bs=2)), callable(mnist_sample))', tmp_path)
    assert (result.returncode, result.stdout) == (0, '2 True\n'), result.stderr


def test_five_lines_train_a_net(wheel, tmp_path):
    code = (root/'README.md').read_text().split('```python\n')[1].split('```')[0]
    result = run(wheel, block + code, tmp_path)
    assert result.returncode == 0, result.stderr
    if is_mnist_sample(mnist_sample()): assert float(result.stdout) >= 0.98


def command(python, name, *arguments, folder):
    "Run a console script of the wheel"
    code = (f'import sys\nfrom importlib.metadata import entry_points\n'
            f'script, = entry_points(group="console_scripts", '
            f'name={name!r})\nsys.exit(script.load()({[str(o) for o in arguments]!r}))')
    return run(python, code, folder)


def test_console_scripts(wheel, tmp_path, monkeypatch):
    path = mnist_sample()
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(path))
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    table = command(wheel, 'mnist_ladder', '--rungs', 'baseline', 'relu', '--save', 'weights', folder=tmp_path)
    assert table.returncode == 0, table.stderr
    assert [line.split()[0] for line in table.stdout.splitlines()[-3:]] == ['method', 'closer', 'ReLU']

    three, seven = (sorted((path/'valid'/c).iterdir())[0] for c in '37')
    with Image.open(three) as image:  # as a photo: large, in colour, dark on light, off centre
        page = Image.new('RGB', (600, 400), (230, 225, 210))
        page.paste((40, 40, 90), (250, 20), image.resize((280, 280)))
        page.save(tmp_path/'photo.jpg')
    (tmp_path/'notes.png').write_text('no picture')
    result = command(wheel, 'mnist_predict', '--weights', 'weights/relu.safetensors', 'photo.jpg', 'notes.png', three,
                     seven, folder=tmp_path)
    assert result.returncode == 1
    for line, digit in zip(result.stdout.splitlines(), '337', strict=True):  # the stand-in's digits may be neither
        verdict = line.split(': ')[1].split(',')[0]
        assert verdict == digit or verdict.startswith('neither') and not is_mnist_sample(three.parents[2]), line
    assert result.stderr.startswith('notes.png: skipped: ')
    assert command(wheel, 'mnist_predict', three, folder=tmp_path).returncode == 0, 'trains a net of its own'
    assert command(wheel, 'mnist_predict', '--version', folder=tmp_path).stdout.startswith('mnist_predict 0.')
    assert [o.name for o in (tmp_path/'home'/'mnist_under_hood').glob('*.safetensors')] == ['conv.safetensors']


@pytest.mark.parametrize('run', [*names, *(f'{o}+nudged' for o in nudged)])
def test_lesson_runs_alone(run, runs):
    "With its hidden tests; what it prints and draws is what it shows, within rounding"
    nb, folder = runs.result(run)
    if 'stopped' in nb.metadata: pytest.fail(nb.metadata['stopped'], pytrace=False)
    assert list(folder.iterdir()) == [], 'a lesson leaves nothing behind'
    if is_mnist_sample(mnist_sample()) and not os.environ.get('NEWEST'):
        differences = compare(nbformat.read(root/'nbs'/f'{run.partition("+")[0]}.ipynb', as_version=4), nb).differences
        assert not differences, '\n'.join(f'cell {o.cell}\n  shown: {o.saved}\n  here:  {o.ran}' for o in differences)
