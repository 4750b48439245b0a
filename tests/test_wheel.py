"""The built wheel, used as a reader of a lesson and as an importer of the package would: from an empty folder, without the repository,
in an environment like Colab's (newest fastai and fastcore, no nbdev, Python 3.13 where it is installed).

torch is the pinned one, so that digits can be compared; with NEWEST=1 it is the newest."""
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

root = Path(__file__).resolve().parents[1]
lessons = sorted((root/'nbs').glob('[0-9][0-9]_*.ipynb'))
random.shuffle(lessons)  # no lesson may need another to have run

# Whose digits differ from processor to processor, by the rounding in convolutions: there the words are compared, and the lessons' own tests hold the bounds
rounding_shows = '08_resnet', '11_ten_digits'
number = r'(\d+\.\d+)'

block = "import sys\nfor name in {names}: sys.modules[name] = None\n"
blocked_for_import = ['fastai', 'fastbook', 'fastcore', 'sklearn']


def nearest_python():
    "Colab's, where it is installed; else the one that runs this"
    for python in [shutil.which('python3.13'), *Path.home().glob('.pyenv/versions/3.13*/bin/python')]:
        if python and subprocess.run([python, '-c', ''], capture_output=True).returncode == 0: return python
    return sys.executable


@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    "The Python of a new environment that holds the wheel and what a lesson wants"
    folder = tmp_path_factory.mktemp('wheel')
    subprocess.run([sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--outdir', folder, root], check=True, capture_output=True)
    wheel, = folder.glob('*.whl')
    beside = Path(sys.executable).parent/'uv'
    uv = beside if beside.exists() else shutil.which('uv')
    assert uv, 'uv is a development requirement: make a new .venv'
    subprocess.run([uv, 'venv', '--quiet', '--python', nearest_python(), folder/'env'], check=True)
    python = folder/'env'/'bin'/'python'
    pins = [] if os.environ.get('NEWEST') else re.findall(r'^torch(?:vision)?==\S+', (root/'constraints.txt').read_text(), re.M)
    subprocess.run([uv, 'pip', 'install', '--quiet', '--python', python, f'{wheel}[course]', 'fastcore>=2', 'ipykernel', *pins], check=True)
    yield python
    shutil.rmtree(folder)  # some gigabytes


def test_environment_is_like_colabs(wheel, tmp_path):
    code = 'import importlib.util, fastai, fastcore; print(fastai.__version__, fastcore.__version__, importlib.util.find_spec("nbdev"))'
    fastai, fastcore, nbdev = run(wheel, code, tmp_path).stdout.split()
    assert tuple(map(int, fastai.split('.'))) >= (2, 8, 8) and int(fastcore.split('.')[0]) >= 2 and nbdev == 'None'


def run(python, code, folder):
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    return subprocess.run([python, '-c', code], cwd=folder, env=environment, capture_output=True, text=True)


def test_wheel_holds_the_package_alone(wheel, tmp_path):
    result = run(wheel, 'import mnist_under_hood, pathlib; print(sorted(o.name for o in pathlib.Path(mnist_under_hood.__file__).parent.iterdir()))', tmp_path)
    assert result.returncode == 0, result.stderr
    modules = sorted(o.name for o in (root/'mnist_under_hood').iterdir() if o.suffix == '.py' or o.name == 'py.typed' or o.match('experiments*.json'))
    assert [o for o in eval(result.stdout) if o != '__pycache__'] == modules


def test_package_imports_without_fastai_fastbook_and_nbdev(wheel, tmp_path):
    result = run(wheel, block.format(names=blocked_for_import) + 'from mnist_under_hood.all import *\n'
                 'import mnist_under_hood; assert "env" in mnist_under_hood.__file__\n'
                 'assert "matplotlib" not in sys.modules\n'
                 'dl = DataLoader(__import__("torch").ones(4, 784), __import__("torch").ones(4, 1), bs=2); print(len(dl), callable(mnist_sample))', tmp_path)
    assert (result.returncode, result.stdout) == (0, '2 True\n'), result.stderr


def test_five_lines_train_a_net(wheel, tmp_path):
    readme = (root/'README.md').read_text()
    code = readme.split('```python\n')[1].split('```')[0]
    result = run(wheel, block.format(names=blocked_for_import) + code, tmp_path)
    assert result.returncode == 0, result.stderr
    if real_data(): assert float(result.stdout) >= 0.98


def command(python, name, *arguments, folder):
    "Run a console script of the wheel"
    code = (f'import sys\nfrom importlib.metadata import entry_points\n'
            f'script, = entry_points(group="console_scripts", name={name!r})\nsys.exit(script.load()({[str(o) for o in arguments]!r}))')
    return run(python, code, folder)


def test_console_scripts(wheel, tmp_path, monkeypatch):
    from PIL import Image
    from mnist_under_hood.files import mnist_sample
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
    result = command(wheel, 'mnist_predict', '--weights', 'weights/relu.safetensors', 'photo.jpg', 'notes.png', three, seven, folder=tmp_path)
    assert result.returncode == 1
    assert [line.split(': ')[1].split(',')[0] for line in result.stdout.splitlines()] == ['3', '3', '7'], result.stdout
    assert result.stderr.startswith('notes.png: skipped: ')
    assert command(wheel, 'mnist_predict', three, folder=tmp_path).returncode == 0, 'trains a net of its own'
    assert [o.name for o in (tmp_path/'home'/'mnist_under_hood').glob('*.safetensors')] == ['relu.safetensors']


@pytest.fixture(scope='session')
def kernel(wheel, tmp_path_factory):
    "The name of a kernel that runs in the wheel's environment"
    folder = tmp_path_factory.mktemp('jupyter')
    spec = folder/'kernels'/'wheel'/'kernel.json'
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({'argv': [str(wheel), '-m', 'ipykernel_launcher', '-f', '{connection_file}'], 'display_name': 'wheel', 'language': 'python',
                                'env': {'OMP_NUM_THREADS': '1'}}))  # two lessons run at a time
    os.environ['JUPYTER_PATH'] = str(folder)
    os.environ.pop('PYTHONPATH', None)
    return 'wheel'


def text(nb):
    "What the cells of `nb` printed and returned, without figures and memory addresses"
    return [[re.sub(' at 0x[0-9a-f]+', '', o.get('text') or o.get('data', {}).get('text/plain', '')) for o in c.outputs] for c in nb.cells if c.cell_type == 'code']


@pytest.fixture(scope='session')
def runs(kernel, tmp_path_factory, request):
    "For each lesson that is asked for, the future of its notebook and its folder after a run there; two run at a time"
    def run(lesson):
        nb, folder = nbformat.read(lesson, as_version=4), tmp_path_factory.mktemp(lesson.stem)
        nb.cells.insert(0, nbformat.v4.new_code_cell('import mnist_under_hood; assert "wheel" in mnist_under_hood.__file__, mnist_under_hood.__file__'))
        NotebookClient(nb, timeout=1200, kernel_name=kernel, coalesce_streams=True,
                       extra_arguments=['--IPKernelApp.log_level=40'], resources={'metadata': {'path': str(folder)}}).execute()
        return nb, folder
    asked = [o.callspec.params['lesson'] for o in request.session.items if getattr(o, 'originalname', '') == 'test_lesson_runs_alone']
    asked.sort(key=lambda o: o.stem not in rounding_shows)  # the longest first
    with ThreadPoolExecutor(2) as pool: yield {lesson: pool.submit(run, lesson) for lesson in asked}


@pytest.mark.parametrize('lesson', lessons, ids=[o.stem for o in lessons])
def test_lesson_runs_alone(lesson, runs):
    nb, folder = runs[lesson].result()
    assert list(folder.iterdir()) == [], 'a lesson leaves nothing behind'
    if same_machine() and real_data():
        (words, numbers), (saved_words, saved_numbers) = (words_and_numbers(o, lesson) for o in (text(nb)[1:], text(nbformat.read(lesson, as_version=4))))
        assert words == saved_words
        assert numbers == pytest.approx(saved_numbers, abs=5e-6), 'the same seed prints the same digits, but for the last of six'


def words_and_numbers(printed, lesson):
    "What is between the decimal numbers, and the numbers; none where rounding shows"
    printed = json.dumps(printed)
    if lesson.stem in rounding_shows: return re.sub(r'[ \d.]+', '#', printed), []
    return re.split(number, printed)[::2], [float(o) for o in re.findall(number, printed)]


def same_machine():
    "Whether digits can be compared to the last one: the saved outputs come from Linux on x86-64, with the pinned torch"
    if os.environ.get('NEWEST') or os.environ.get('GITHUB_ACTIONS'): return False  # whose processors vary
    import torch
    pinned = re.search(r'^torch==(\S+)', (root/'constraints.txt').read_text(), re.M)[1]
    return (platform.system(), platform.machine()) == ('Linux', 'x86_64') and torch.__version__.split('+')[0] == pinned


def real_data():
    from mnist_under_hood.files import is_mnist_sample, mnist_sample
    return is_mnist_sample(mnist_sample())
