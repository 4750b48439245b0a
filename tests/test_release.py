"""A release made in a copy with a remote of its own, what is published of it, and what a clone is set up with."""
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from nbdev.config import get_config
from packaging.version import Version

root = Path(__file__).resolve().parents[1]
workflows = {o.stem: yaml.safe_load(o.read_text()) for o in (root/'.github/workflows').glob('*.yml')}
binaries = Path(sys.executable).parent
upcoming = Version(get_config().version).base_version
after = upcoming.rpartition('.')[0] + f'.{Version(upcoming).micro + 1}.dev0'
notes = '- A change that readers notice'


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    "A folder with a clone of this working tree and its remote, and with stand-ins for `make` and `quarto`"
    folder = tmp_path_factory.mktemp('original')
    ignored = shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints', '.last_checked')
    for name in 'nbs', 'mnist_under_hood', 'tools':
        shutil.copytree(root/name, folder/'clone'/name, symlinks=True, ignore=ignored)
    for name in ('settings.ini', 'setup.py', 'pyproject.toml', 'MANIFEST.in', '_quarto.yml', 'README.md', 'LICENSE',
                 'CHANGELOG.md', '.gitignore', '.gitattributes'):
        shutil.copy(root/name, folder/'clone')
    (folder/'clone/.venv').symlink_to(binaries.parent)
    (folder/'bin').mkdir()
    for name, code in ('make', 'exit $TESTS_FAIL'), ('quarto', 'mkdir -p _docs; echo by quarto > _docs/README.md'):
        (folder/'bin'/name).write_text(f'#!/bin/sh\n{code}\n')
        (folder/'bin'/name).chmod(0o755)
    Clone(folder).sh('git init -q -b main && git add . && git commit -qm start && git clone -q --bare . ../remote && '
                     'git remote add origin ../remote && git fetch -q')
    return folder


class Clone:
    def __init__(self, folder, **environment):
        self.folder = folder/'clone'
        self.environment = {**os.environ, 'PATH': f'{folder/"bin"}:{os.environ["PATH"]}',
                            'GIT_CONFIG_GLOBAL': os.devnull, 'TESTS_FAIL': '0', 'PYTHONPATH': '', **environment,
                            **{f'GIT_{who}_{what}': 'a@b.c' for who in ('AUTHOR', 'COMMITTER')
                               for what in ('NAME', 'EMAIL')}}

    def sh(self, command):
        return subprocess.run(command, shell=True, cwd=self.folder, env=self.environment, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    def note(self):
        self.sh(f"sed -i 's/^## .Unreleased.$/&\\n\\n{notes}/' CHANGELOG.md && "
                'git commit -qam note && git push -q origin main')

    def release(self, *version):
        return subprocess.run([sys.executable, 'tools/release.py', *version], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True)


@pytest.fixture
def clone(original, tmp_path):
    shutil.copytree(original, tmp_path/'copy', symlinks=True)
    return Clone(tmp_path/'copy')


def installs(text): return set(re.findall(r'git\+https://github\.com/[\w./-]+?(@[\w.-]+)?(?=[\\"\s])', text))
def badges(text): return set(re.findall(r'colab\.research\.google\.com/github/[\w-]+/\w+/blob/([\w.-]+)/', text))


def test_release(clone):
    clone.note()
    done = clone.release()
    assert done.returncode == 0, done.stderr
    assert clone.sh('git status --porcelain') == ''
    assert (clone.sh(f'git -C ../remote rev-parse main v{upcoming}^{{}}').split()
            == clone.sh('git rev-parse HEAD HEAD~1').split()), 'both are pushed'

    notebooks = clone.sh('git ls-files "nbs/*.ipynb"').split()
    for commit, version, at, shown in ((f'v{upcoming}', upcoming, {f'@v{upcoming}'}, {f'v{upcoming}'}),
                                       ('main', after, {''}, {'main'})):
        clone.sh(f'git checkout -q {commit}')
        text = {name: (clone.folder/name).read_text()
                for name in [*notebooks, 'README.md', 'settings.ini', 'mnist_under_hood/__init__.py']}
        assert (f'\nversion = {version}\n' in text['settings.ini']
                and f'__version__ = "{version}"' in text['mnist_under_hood/__init__.py'])
        assert (all(installs(text[name]) in (at, set()) for name in text)
                and installs(text['nbs/03_sgd.ipynb']) == installs(text['README.md']) == at)
        assert badges(text['nbs/03_sgd.ipynb']) == shown and badges(text['README.md']) <= shown

    clone.sh(f'git checkout -q v{upcoming}')
    said, = (o['run'] for o in workflows['release']['jobs']['build']['steps'] if 'CHANGELOG.md' in o.get('run', ''))
    clone.environment['GITHUB_REF_NAME'] = f'v{upcoming}'
    clone.sh(said)
    published = (clone.folder/'notes.md').read_text()
    assert published.strip().startswith(notes) and not re.search('^## ', published, re.M)
    assert (clone.sh('git log -1 --format=%s') == f'Release {upcoming}'
            and "message, 'Release ')" in workflows['publish']['jobs']['render']['if'])

    clone.sh('rm notes.md && git checkout -q main')
    assert 'says nothing below Unreleased' in clone.release().stderr


@pytest.mark.parametrize('spoil, version, reason', [
    ('true', '1.0', 'three numbers'),
    ('echo a >> README.md', '1.0.0', 'not committed'),
    ('echo a > new.txt', '1.0.0', 'not committed'),
    ('git checkout -q -b other', '1.0.0', 'made on main'),
    ('git commit -q --allow-empty -m local', '1.0.0', 'differs from origin/main'),
    ('git commit -q --allow-empty -m theirs && git push -q origin main && git reset -q --hard HEAD~1 && '
     'git update-ref refs/remotes/origin/main HEAD', '1.0.0', 'differs from origin/main'),
    ('git tag v1.2.0', '1.0.0', 'does not come after 1.2.0'),
    ('git tag v1.0.0', '1.0.0', 'does not come after 1.0.0'),
])
def test_release_is_refused(clone, spoil, version, reason):
    clone.sh(spoil)
    before = clone.sh('git rev-parse HEAD; git tag; git status --porcelain')
    done = clone.release(version)
    assert done.returncode and 'Not released' in done.stderr and reason in done.stderr
    assert clone.sh('git rev-parse HEAD; git tag; git status --porcelain') == before


def test_failing_tests_stop_a_release(clone):
    clone.note()
    clone.environment['TESTS_FAIL'] = '1'
    before = clone.sh('git rev-parse HEAD; git tag')
    assert 'make test failed' in clone.release().stderr
    assert clone.sh('git rev-parse HEAD; git tag') == before and clone.sh('git status --porcelain') == ''


def test_what_is_published(clone, tmp_path):
    "The wheel comes from the source distribution, and its page at PyPI has no link that needs the repository around it"
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', tmp_path/'dist', clone.folder],
                   check=True, capture_output=True)
    wheel, = (tmp_path/'dist').glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        description = archive.read(next(o for o in archive.namelist() if o.endswith('METADATA'))).decode()
    assert re.findall(r'\]\((?!https://|#)[^)]*\)', description) == []
    assert re.search(r'!\[[^\]]*\]\(https://github\.com/[\w/-]+/raw/[\w.]+/nbs/images/ladder\.png\)', description)


def test_who_may_write_runs_nothing_of_the_repository():
    writers = {(name, job): o for name, w in workflows.items() for job, o in w['jobs'].items()
               if 'write' in o.get('permissions', {}).values()}
    assert ('release', 'pypi') in writers and ('release', 'github') in writers
    for job in writers.values():
        assert not any('checkout' in step.get('uses', '') or 'make' in step.get('run', '') for step in job['steps'])
    assert workflows['release']['jobs']['pypi']['permissions'] == {'id-token': 'write'}


def test_windows_runs_what_is_documented():
    commands = [step['run'] for step in workflows['windows']['jobs']['lessons']['steps'] if 'run' in step]
    documented = (root/'CONTRIBUTING.md').read_text().split('## Windows')[1].split('```')[1]
    assert [o.split('#')[0].strip() for o in documented.splitlines()[-len(commands):]] == commands


def test_codespace_opens_the_course():
    container = json.loads((root/'.devcontainer/devcontainer.json').read_text())
    assert os.access(root/container['postCreateCommand'], os.X_OK)
    assert all((root/o).exists() for o in container['customizations']['codespaces']['openFiles'])


def test_notebooks_merge_cell_by_cell(clone, tmp_path):
    "setup.sh's merge driver: outputs that differ don't make a conflict, and nothing is left that git would track"
    hooks = re.search(r'^install_hooks\(\) \{.*?^\}', (root/'tools/setup.sh').read_text(), re.M | re.S)[0]
    script = tmp_path/'hooks.sh'
    script.write_text(f'set -euo pipefail\n{hooks}\ninstall_hooks\n')
    clone.sh(f'bash {script}')
    file = clone.folder/'nbs/03_sgd.ipynb'

    def commit(branch, cell, output):
        clone.sh(f'git checkout -q -B {branch} main')
        nb = nbformat.read(file, as_version=4)
        nb.cells[cell].source += f' {branch}'
        next(o for c in nb.cells if c.cell_type == 'code' for o in c.outputs
             if 'image/png' in o.get('data', {})).data['image/png'] = output
        nbformat.write(nb, file)
        clone.sh(f'git commit -qam {branch}')

    commit('theirs', 4, 'QUJD')
    commit('ours', 6, 'QUJDQUJD')
    clone.sh('git merge -q theirs')
    cells = nbformat.read(file, as_version=4).cells
    assert cells[4].source.endswith('theirs') and cells[6].source.endswith('ours')
    assert clone.sh('git status --porcelain') == ''


def test_nbdev_leaves_the_readme_alone(clone):
    clone.sh(f'touch nbs/index.ipynb && {binaries}/nbdev_readme --chk_time')
    assert clone.sh('git status --porcelain') == ''
