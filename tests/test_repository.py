"""What keeps the repository in step with itself: package, README, sidebar and addresses all follow from the
notebooks and settings.ini."""
import ast
import base64
import json
import re
import shutil
import statistics
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
import yaml
from addresses import cfg, current, files, here, notebooks
from docs import listed
from readme import readme
from torch import nn

root = Path(__file__).resolve().parents[1]
nbs = root/'nbs'

pages = notebooks()
lessons = [o for o in pages if re.match(r'\d\d_', o.name)]
names = [str(o.relative_to(nbs)) for o in pages]


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    "A copy of what git tracks, in which nbdev may write"
    folder = tmp_path_factory.mktemp('checkout')
    for name in 'nbs', 'mnist_under_hood':
        shutil.copytree(root/name, folder/name, symlinks=True, ignore=shutil.ignore_patterns('__pycache__', '.*'))
    for name in 'settings.ini', 'pyproject.toml', '_quarto.yml': shutil.copy(root/name, folder)
    return folder


def nbdev(command, folder): subprocess.run([Path(sys.executable).parent/command], cwd=folder, check=True)


def test_package_is_in_step_with_notebooks(copy):
    for module in (copy/'mnist_under_hood').glob('*.py'):
        if module.name != '__init__.py': module.unlink()
    nbdev('nbdev_export', copy)
    exported, committed = ({o.name: o.read_text() for o in (folder/'mnist_under_hood').glob('*.py')}
                           for folder in (copy, root))
    assert exported == committed, 'run `make export` and commit the result'


def test_notebooks_are_clean(copy):
    nbdev('nbdev_clean', copy)
    dirty = [str(o) for o in pages if o.read_text() != (copy/o.relative_to(root)).read_text()]
    assert not dirty, 'run `make clean-notebooks`'


def test_every_import_is_used():
    "In all.py and _modidx.py alone nbdev and the star import use them"
    ruff = subprocess.run([Path(sys.executable).parent/'ruff', 'check', '--isolated', '--no-cache', '--select', 'F401',
                           '--exclude', 'all.py,_modidx.py', '--output-format', 'concise', 'mnist_under_hood', 'tools',
                           'tests'], cwd=root, capture_output=True, text=True)
    assert ruff.returncode == 0, ruff.stdout + ruff.stderr


def test_no_line_has_more_than_120_columns():
    "Except in test_check.py's tables of answers, where a line is an answer"
    for file in sorted([*root.glob('tests/*.py'), *root.glob('tools/*.py')]):
        text = file.read_text()
        if file.name == 'test_check.py': text = re.sub(r"'''.*?'''", '', text, flags=re.S)
        assert not [o for o in text.splitlines() if len(o) > 120], file.name


def test_all_holds_every_public_name():
    import mnist_under_hood.all as everything
    modules = [o.stem for o in (root/'mnist_under_hood').glob('[a-z]*.py') if o.stem not in ('all', 'cli')]
    public = {o for name in modules for o in import_module(f'mnist_under_hood.{name}').__all__}
    torchs = {o for o in public if any(hasattr(module, o) for module in (torch, nn, F))}
    assert sorted(public - torchs) == everything.__all__
    assert torchs == {'cross_entropy', 'log_softmax'}, 'a star import hides nothing of torch'
    assert all(hasattr(everything, o) for o in torchs)


def test_modules_import_earlier_ones_alone():
    """In the order of mnist_under_hood.all: plumbing as early as it can be, lessons as they follow each other; the
    commands last"""
    order = re.findall(r'^from \.(\w+) import', (root/'mnist_under_hood/all.py').read_text(), re.M) + ['cli']
    assert sorted(order) == sorted(o.stem for o in (root/'mnist_under_hood').glob('[a-z]*.py') if o.stem != 'all')
    for i, name in enumerate(order):
        tree = ast.parse((root/f'mnist_under_hood/{name}.py').read_text())
        taken = {o.module for o in ast.walk(tree) if isinstance(o, ast.ImportFrom) and o.level == 1}
        assert taken <= {*order[:i]}, f'{name} imports {taken - {*order[:i]}}, which come later'


def exported(page):
    "Each exported cell of a notebook, without its directives"
    for cell in nbformat.read(page, as_version=4).cells:
        if cell.cell_type == 'code' and re.search(r'^#\|\s*exports?\b', cell.source, re.M):
            yield cell, [o for o in cell.source.splitlines() if o.strip() and not o.startswith('#|')]


def test_exported_cells_are_small():
    "As in nbdev; the exercises, of which there are many small ones, are left out"
    sizes = sorted(len(lines) for page in pages if page.stem != 'exercises' for _, lines in exported(page))
    assert statistics.median(sizes) <= 9 and sizes[int(0.9*len(sizes))] <= 25, sizes


@pytest.mark.parametrize('lesson', lessons, ids=[o.stem for o in lessons])
def test_what_a_lesson_shows_fits_on_a_screen(lesson):
    "Some fifteen statements at a time, besides parameters and docstrings; what is folded may be longer"
    for cell, lines in exported(lesson):
        if re.search(r'^#\| folded', cell.source, re.M): continue
        statements = {o.lineno for o in ast.walk(ast.parse('\n'.join(lines))) if isinstance(o, ast.stmt)
                      and not (isinstance(o, ast.Expr) and isinstance(o.value, ast.Constant))}
        assert len(statements) <= 16, f'{cell.id} has {len(statements)}'


def test_readme_comes_from_index(): assert (root/'README.md').read_text() == readme(), 'run `make readme`'


def test_addresses_follow_from_settings():
    stale = [str(o) for o in files() if current(o.read_text()) != o.read_text()]
    assert not stale, 'run `make addresses`'


def test_a_fork_changes_addresses():
    badge = '[Colab](https://colab.research.google.com/github/someone/fork/blob/dev/nbs/01_data.ipynb)'
    ours = f'[Colab](https://colab.research.google.com/github/{here}/blob/{cfg["branch"]}/nbs/01_data.ipynb)'
    assert current(badge, '1.0.0.dev0') == ours
    for text in ('href: "https://github.com/{}"}}', 'issue-url: "https://github.com/{}/issues/new/choose"',
                 'pip install "x @ git+https://github.com/{}"',
                 '[Codespaces](https://codespaces.new/{})'):
        assert current(text.format('someone/fork'), '1.0.0.dev0') == text.format(here)
    assert f'repo-url: "https://github.com/{here}"' in (nbs/'nbdev.yml').read_text(), 'run `make addresses`'


def test_quarto_finds_the_site_at_the_top_level():
    link = nbs/'_quarto.yml'
    assert link.is_symlink() and link.resolve() == root/'_quarto.yml'


def test_sidebar_names_every_page_once():
    assert sorted(o for _, o in listed(nbs)) == sorted([*names, 'reference.qmd'])


@pytest.mark.parametrize('page', pages, ids=names)
def test_imports_stand_alone(page):
    "A cell that mixes imports with other code runs when nbdev makes the site"
    for cell in nbformat.read(page, as_version=4).cells:
        if cell.cell_type != 'code' or 'nbdev_export()' in cell.source: continue
        if cell.source.removeprefix('#| hide\n').startswith('!'): continue
        kinds = {isinstance(o, (ast.Import, ast.ImportFrom)) for o in ast.parse(cell.source).body
                 if not (isinstance(o, ast.Assign) and getattr(o.targets[0], 'id', '') == '_all_')}
        assert len(kinds) < 2, cell.source


@pytest.mark.parametrize('page', pages, ids=names)
def test_cell_options_are_yaml(page):
    "Quarto stops at a description with a bare colon"
    for cell in nbformat.read(page, as_version=4).cells:
        for line in re.findall(r'^#\| (\S+: .*)', cell.source, re.M) if cell.cell_type == 'code' else ():
            assert isinstance(yaml.safe_load(line), dict), line


@pytest.mark.parametrize('page', pages, ids=names)
def test_saved_outputs(page):
    nb = nbformat.read(page, as_version=4)
    for cell in nb.cells:
        if cell.cell_type != 'code': continue
        outputs = json.dumps([{k: v for k, v in o.get('data', {}).items() if not k.startswith('image')}
                              or o.get('text', '') for o in cell.outputs])
        assert not any(o.output_type == 'error' for o in cell.outputs), cell.source
        assert not re.search(r'/(root|home|work|tmp|usr)/|site-packages|Warning|0x[0-9a-f]{6}', outputs), outputs
        if any(k.startswith('image') for o in cell.outputs for k in o.get('data', {})) and '#| hide' not in cell.source:
            assert re.search(r'#\| fig-alt: \S', cell.source), f'a figure without alt text: {cell.source}'


@pytest.mark.parametrize('lesson', lessons, ids=[o.stem for o in lessons])
def test_lesson_is_whole(lesson):
    nb = nbformat.read(lesson, as_version=4)
    text = [c.source for c in nb.cells if c.cell_type == 'markdown']
    assert re.fullmatch(r'# \S.*\n\n> \S.*', text[0]), 'a title, and a sentence in a block quote'
    assert re.match(r'\[!\[Open in Colab\].* · \d+ minutes · builds on ',
                    text[1]) and f'/nbs/{lesson.name})' in text[1], 'a badge, in a cell of its own'
    headings = re.findall(r'^## (.*)', '\n'.join(text), re.M)
    assert headings[-2:] == ['Recap', 'Check yourself']
    recap = '\n'.join(text).split('## Recap')[1].split('## Check yourself')[0]
    assert 1 <= len(re.findall('^- ', recap, re.M)) <= 7
    assert any('image/png' in o.get('data', {}) for c in nb.cells if c.cell_type == 'code'
               for o in c.outputs), 'a lesson without a figure'
    assert not any(re.search(r'^:::', t, re.M) for t in text)
    code = '\n'.join(c.source for c in nb.cells if c.cell_type == 'code')
    assert 'setup_book' not in code and 'drive.mount' not in code and 'input(' not in code


@pytest.mark.parametrize('schema, pattern', [('github-workflows', 'workflows/*.yml'), ('dependabot', 'dependabot.yml'),
                                             ('github-issue-forms', 'ISSUE_TEMPLATE/*ed.yml'),
                                             ('github-issue-config', 'ISSUE_TEMPLATE/config.yml')])
def test_github_understands(schema, pattern):
    files = sorted((root/'.github').glob(pattern))
    assert files
    check = subprocess.run([Path(sys.executable).parent/'check-jsonschema', '--builtin-schema', f'vendor.{schema}',
                            *files], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize('workflow', sorted((root/'.github/workflows').glob('*.yml')), ids=lambda o: o.stem)
def test_workflow_trusts_little(workflow):
    text = workflow.read_text()
    for use in re.findall(r'uses: (.*)', text): assert re.fullmatch(r'[\w-]+/[\w-]+@[0-9a-f]{40}  # v[\d.]+', use), use
    content = yaml.safe_load(text)
    assert content['permissions'] == {'contents': 'read'} and 'concurrency' in content
    commands = [step['run'] for job in content['jobs'].values() for step in job['steps'] if 'run' in step]
    targets = re.findall(r'^([a-z-]+):', (root/'Makefile').read_text(), re.M)
    for name in re.findall(r'make ([a-z-]+)', '\n'.join(commands)): assert name in targets, name
    assert all('timeout-minutes' in job for job in content['jobs'].values())


def dangers(source):
    "Calls in `source` that execute text or load a pickle, and imports of what does"
    for o in ast.walk(ast.parse(source)):
        if isinstance(o, (ast.Import, ast.ImportFrom)):
            for name in [getattr(o, 'module', None) or '', *(a.name for a in o.names)]:
                if name.split('.')[0] in ('pickle', 'cPickle', 'marshal', 'shelve', 'dill', 'joblib', 'subprocess',
                                          'ctypes', 'importlib', 'yaml'): yield name
        if not isinstance(o, ast.Call): continue
        call, options = ast.unparse(o.func), {k.arg: ast.unparse(k.value) for k in o.keywords}
        if call in ('eval', 'exec', 'compile', '__import__', 'os.system', 'os.popen'): yield call
        if call == 'torch.load' and options.get('weights_only') != 'True': yield call
        if options.get('allow_pickle', 'False') != 'False' or (call == 'np.load' and 'allow_pickle' not in options):
            yield f'{call} with pickles'


def test_package_runs_no_text_and_loads_no_pickle():
    for bad in ('eval("1")', 'import pickle', 'from pickle import load', 'torch.load("f")',
                'np.load("f", allow_pickle=True)', 'np.load("f")', 'import os.path, marshal'):
        assert list(dangers(bad)), bad
    assert not list(dangers('torch.load("f", weights_only=True); np.load("f", allow_pickle=False); model.eval()'))
    found = {o.name: list(dangers(o.read_text())) for o in (root/'mnist_under_hood').glob('*.py')}
    assert found.pop('practice.py') == ['ctypes'], 'to end an answer that never ends, and nothing else'
    assert not any(found.values()), found


@pytest.mark.parametrize('workflow', sorted((root/'.github/workflows').glob('*.yml')), ids=lambda o: o.stem)
def test_workflow_holds_no_secret(workflow):
    assert set(re.findall(r'secrets\s*[.\[]\s*[\'"]?(\w+)|secrets:',
                          workflow.read_text())) <= {'GITHUB_TOKEN'}, 'none besides the automatic token'


def test_home_page_has_the_ladders_figures():
    "What the first screen claims is what lesson 9 printed, and its picture is that lesson's"
    lesson = nbformat.read(nbs/'09_resnet.ipynb', as_version=4)
    cell, = [c for c in lesson.cells if c.id == 'resnet-ladder']
    picture, = [o.data['image/png'] for o in cell.outputs if 'image/png' in o.get('data', {})]
    assert base64.b64decode(picture) == (nbs/'images/ladder.png').read_bytes(), 'run `make record`'
    printed = '\n'.join(o.get('text') or o.get('data', {}).get('text/plain', '') for c in lesson.cells
                        if c.cell_type == 'code' for o in c.outputs)
    (errors, images), = re.findall(r'^closer mean.*  (\d+) of (\d+)$', printed, re.M)
    (least, most), = re.findall(r'^resnet18 +(\d+) to +(\d+) mistakes$', printed, re.M)
    assert f'reads {errors} of {images} new digits wrongly' in readme()
    assert f'misses {least} to {most}, depending on the seed.' in readme()


@pytest.mark.parametrize('page', pages, ids=names)
def test_no_link_around_a_name_in_backticks(page):
    "nbdev links such a name itself, and a link within a link shows its brackets"
    text = '\n'.join(c.source for c in nbformat.read(page, as_version=4).cells if c.cell_type == 'markdown')
    assert re.findall(r'\[`[^`\]]+`\]\(', text) == []


def test_each_answer_is_recorded_for_the_stand_in_digits_too():
    "By the same code, so that nobody waits for networks without a network"
    answers = root/'mnist_under_hood/answers'
    found = sorted(o for name in ('mnist_sample', 'mnist_png') for o in (answers/name).glob('*.json'))
    assert found
    for file in found:
        other = answers/f'redrawn_digits_for_{file.parent.name}'/file.name
        assert other.exists(), f'{other.name}: EXPERIMENTS=anew make record, without data and network'
        code, others = (json.loads(o.read_text())['question']['code'] for o in (file, other))
        assert code == others, file.name


def test_benchmarks_are_recorded():
    "Each table of the page has its output, and a bound that is missed is spoken of under a heading of its own"
    nb = nbformat.read(nbs/'benchmarks.ipynb', as_version=4)
    printed = {c.id: ''.join(o.get('text', '') for o in c.outputs) for c in nb.cells if c.cell_type == 'code'}
    assert [name for name in ('machine', 'loop-table', 'load', 'resnet', 'import', 'growth', 'whole', 'commands',
                              'cuda') if not printed[f'bench-{name}'].strip()] == []
    missed = re.findall(r'^(.+) misses its bound$', '\n'.join(printed.values()), re.M)
    text = '\n'.join(c.source for c in nb.cells if c.cell_type == 'markdown').partition('## What is missed')[2]
    assert [name for name in missed if name not in text] == []
