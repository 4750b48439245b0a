"""Getting the data when something goes wrong: a download cut off, a kill in the middle, two processes at once, a
hostile archive."""
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny
from PIL import Image
from safetensors.torch import load_file
from test_bad_input import raised_by_somebody

from mnist_under_hood.cli import mnist_predict
from mnist_under_hood.data import load_split
from mnist_under_hood.files import (MNIST_SAMPLE, cached_array, count_images, is_mnist_sample, mnist_sample,
                                    unpack_archive)
from mnist_under_hood.standin import write_digits
from mnist_under_hood.weights import write_tensors


def left_behind(home): return [str(o.relative_to(home)) for o in home.rglob('*') if 'part' in o.name]


def grow_old(folder):
    "Make all that processes left in `folder` two days old; what it was"
    left = [o for o in folder.rglob('*-part-*/.unfinished*')]
    for o in left: os.utime(o, (time.time() - 2*24*3600,)*2)
    return left


def killed(code):
    """Run `code`, in which `die` ends the process at once, as a kill does, before or after or in the middle of what
    it replaces"""
    start = ('import os, shutil\nimport numpy as np\nimport mnist_under_hood.files as files\n'
             'def die(*_, **__): os._exit(9)\n')
    assert subprocess.run([sys.executable, '-c', start + code], stdout=subprocess.DEVNULL).returncode == 9


def test_download_lands_where_fastai_looks(home, server):
    path = mnist_sample()
    assert path == home/'data'/'mnist_sample' and count_images(path, tiny.splits) == tiny.counts
    assert mnist_sample() == path and len(server.requests) == 1, 'the second call downloads nothing'
    assert left_behind(home) == []


def test_download_shows_a_bar(home, server, capfd):
    mnist_sample()
    assert '100%' in capfd.readouterr().err


@pytest.mark.parametrize('answer', ['cut', 'stall', 'wrong', 'flipped'])
def test_download_that_fails_is_tried_again(home, server, answer):
    "A connection that is cut or silent, other bytes, and one bit near the end that no size or first megabyte betrays"
    server.answers, began = [answer, answer, 'whole'], time.monotonic()
    assert count_images(mnist_sample(), tiny.splits) == tiny.counts
    assert time.monotonic() - began < 15, 'the server stalls for 20 seconds, and nobody waits for it'
    assert server.requests == ['/mnist_sample.tgz', 1, '/mnist_sample.tgz', 2, '/mnist_sample.tgz'], 'with pauses'
    assert left_behind(home) == []


@pytest.mark.parametrize('answer, says', [
    ('cut', 'Connection broken|IncompleteRead'), ('stall', 'timed out'), ('wrong', 'begins with other bytes'),
    ('flipped', 'CRC check failed'), ('redirect', 'Exceeded 30 redirects')])
def test_download_that_keeps_failing_is_named_and_leaves_nothing(home, server, answer, says):
    server.answers = [answer]
    with pytest.raises(OSError, match=f'mnist_sample.tgz did not arrive whole .*({says}).* Run this again'):
        mnist_sample()
    assert not (home/'data'/'mnist_sample').exists() and left_behind(home) == []
    server.answers = ['whole']
    assert count_images(mnist_sample(), tiny.splits) == tiny.counts, 'the next run starts clean'


def test_download_follows_a_redirection(home, server):
    server.answers = ['redirect', 'redirect', 'whole']
    assert count_images(mnist_sample(), tiny.splits) == tiny.counts
    assert server.requests == ['/mnist_sample.tgz', '/elsewhere/1', '/elsewhere/2']


def test_archive_of_another_length_or_with_other_pictures(home, server, digits, tmp_path):
    with open(server.archive, 'ab') as f: f.write(b'more')
    with pytest.raises(OSError, match=r'did not arrive whole \(it has .* bytes, and should have'): mnist_sample()
    fewer = shutil.copytree(digits, tmp_path/'fewer')
    (fewer/'train'/'3'/'0.png').unlink()
    with tarfile.open(server.archive, 'w:gz') as tar: tar.add(fewer, 'mnist_sample')
    server.known()
    with pytest.raises(OSError, match=r'did not arrive whole \(it holds .*29.* and should hold .*30'): mnist_sample()
    assert not (home/'data'/'mnist_sample').exists() and left_behind(home) == []


@pytest.mark.parametrize('status, says', [(404, 'its host answers 404'), (None, 'no answer from its host: Connect')])
def test_no_archive_or_no_network(home, server, monkeypatch, capsys, status, says):
    "Other pictures stand in, and a sentence that says so goes where errors go"
    server.status = status or 200
    if not status: monkeypatch.setattr('mnist_under_hood.files.MNIST_SAMPLE',
                                       server.source._replace(url='http://127.0.0.1:9/mnist_sample.tgz'))
    assert not is_mnist_sample(mnist_sample())
    out, err = capsys.readouterr()
    assert out == '' and re.search(rf"mnist_sample cannot be downloaded \({says}.*digits stand in", err)


def test_front_page_without_fastai(home, server):
    "The package alone downloads its data; of the example, a tenth of an epoch"
    root = Path(__file__).resolve().parents[1]
    example = (root/'README.md').read_text().split('```python\n')[1].split('```')[0]
    code = ('import sys\nfor name in "fastai", "fastbook", "fastcore", "fastdownload", "nbdev", "sklearn": '
            'sys.modules[name] = None\nimport mnist_under_hood.files as files\n'
            f'files.MNIST_SAMPLE = files.Source(*{tuple(server.source)!r})\n{example}')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.returncode == 0 and re.fullmatch(r'[01]\.\d\d\n', result.stdout), result.stderr
    assert (home/'data'/'mnist_sample').is_dir()


def test_two_processes_at_once(home):
    code = ('from unittest.mock import patch\nfrom mnist_under_hood.files import *\nfrom mnist_under_hood.data '
            'import load_split\n'
            "with patch('requests.head', side_effect=OSError('no network')): path = mnist_sample()\n"
            'counts = count_images(path, MNIST_SAMPLE.splits).values()\n'
            'print(sum(o for o, _ in counts) == len(load_split(path)[0]) > 0)')
    processes = [subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    last_lines = [p.communicate()[0].splitlines()[-1] for p in processes]
    assert last_lines == ['True']*2
    assert left_behind(home) == []


def test_unreadable_cache_folder_is_a_warning(home, tmp_path, digits):
    digits = shutil.copytree(digits, tmp_path/'digits')
    (home/'mnist_under_hood').mkdir(parents=True)
    (home/'mnist_under_hood'/'cache').write_text('a file where the folder should be')
    with pytest.warns(UserWarning, match='cannot be written'): x, y = load_split(digits)
    assert len(x) == len(y) == 59


def test_cache_notices_a_changed_a_new_and_a_missing_file(home, tmp_path, digits):
    digits = shutil.copytree(digits, tmp_path/'digits')
    x, _ = load_split(digits)
    first, second = sorted((digits/'train'/'3').iterdir())[:2]
    changed = second.read_bytes()
    assert not (x[0] == x[1]).all()
    first.write_bytes(changed)
    x, _ = load_split(digits)
    assert (x[0] == x[1]).all()
    shutil.copy(first, digits/'train'/'3'/'000.png')
    assert len(load_split(digits)[0]) == len(x) + 1
    (digits/'train'/'3'/'000.png').unlink()
    assert len(load_split(digits)[0]) == len(x)
    assert len(os.listdir(home/'mnist_under_hood'/'cache')) == 1, 'one cache for one folder'


half_unpacked = '''
real = files._members
def half(*args):
    real(*args)
    die()
files._members = half
'''
half_downloaded = '''
import pooch
pooch.HTTPDownloader.__call__ = lambda self, url, file, *_: (open(file, "wb").write(b"half"), die())
'''
not_renamed = '''
real = os.replace
os.replace = lambda a, b: die() if str(b).endswith("mnist_sample") else real(a, b)
'''


@pytest.mark.parametrize('code', [half_downloaded, half_unpacked, not_renamed], ids=['downloading', 'unpacking',
                                                                                     'renaming'])
def test_kill_while_the_data_is_set_up(home, server, code):
    "The next run starts clean, and what the killed one left is gone a day later"
    killed(f'files.MNIST_SAMPLE = files.Source(*{tuple(server.source)!r})\n{code}\nfiles.mnist_sample()')
    assert not (home/'data'/'mnist_sample').exists() and left_behind(home/'data') != []
    path = mnist_sample()
    assert count_images(path, tiny.splits) == tiny.counts
    assert left_behind(home) != [], 'it might belong to a process that still runs'
    assert grow_old(home)
    mnist_sample()
    assert left_behind(home) == []


def test_kill_while_unpacking_an_archive(home, tmp_path, monkeypatch, digits):
    with tarfile.open(tmp_path/'mnist_sample.tgz', 'w:gz') as tar: tar.add(digits, 'mnist_sample')
    killed(f'{half_unpacked}\nfiles.unpack_archive({str(tmp_path/"mnist_sample.tgz")!r})')
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(tmp_path/'mnist_sample.tgz'))
    assert count_images(mnist_sample(), MNIST_SAMPLE.splits) == tiny.counts
    assert grow_old(home)
    mnist_sample()
    assert left_behind(home) == []


def test_kill_while_the_cache_is_written(home, tmp_path, digits):
    digits = shutil.copytree(digits, tmp_path/'digits')
    killed(f'np.save = lambda f, array: (f.write(bytes(1000)), f.flush(), die())\nfrom mnist_under_hood.data import '
           f'load_split\nload_split({str(digits)!r})')
    cache = home/'mnist_under_hood'/'cache'
    assert [o.stat().st_size for o in cache.rglob('*.npy')] == [1000]
    x, _ = load_split(digits)
    assert len(x) == 59 and len(left_behind(home)) == 1
    assert (x == load_split(digits)[0]).all(), 'the second time from the cache'
    assert grow_old(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MNIST_UNDER_HOOD_DATA', str(digits))
        mnist_sample()
    assert left_behind(home) == [] and len(os.listdir(cache)) == 1


def test_kill_while_weights_are_written(home, tmp_path, digits):
    weights = tmp_path/'weights'
    ladder = (f'import mnist_under_hood.cli as cli\nos.environ["MNIST_UNDER_HOOD_DATA"] = {str(digits)!r}\n'
              f'cli.mnist_ladder(["--rungs", "baseline", "--save", {str(weights)!r}])')
    killed('import safetensors.torch\nsafetensors.torch.save_file = lambda tensors, file, *_, **__: (open(file, '
           '"wb").write(bytes(1000)), die())\n' + ladder)
    assert left_behind(weights) and not (weights/'baseline.safetensors').exists()
    assert grow_old(weights)
    for name in 'thesis-part-2', 'baseline.safetensors-part-mine', 'baseline.safetensors-part-abcdefgh':
        (weights/name).write_text('not ours')
        os.utime(weights/name, (0, 0))
    subprocess.run([sys.executable, '-c', 'import os\n' + ladder], check=True, stdout=subprocess.DEVNULL)
    assert sorted(os.listdir(weights)) == ['baseline.safetensors', 'baseline.safetensors-part-abcdefgh',
                                           'baseline.safetensors-part-mine', 'thesis-part-2'], 'what is not ours stays'
    assert load_file(weights/'baseline.safetensors')['mean_3'].shape == (28, 28)


remedy = 'cannot be written: .*set the environment variable FASTAI_HOME to a folder that has room'


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    "A file system of 64 kB in memory as fastai's folder, where this user may mount one"
    folder = tmp_path/'disk'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], capture_output=True).returncode:
        pytest.skip('no right to mount')
    monkeypatch.setenv('FASTAI_HOME', str(folder))
    monkeypatch.delenv('MNIST_UNDER_HOOD_DATA', raising=False)
    yield folder
    subprocess.run(['umount', folder], check=True)


@pytest.mark.skipif(not shutil.which('mount') or sys.platform != 'linux', reason='tmpfs is a matter of Linux')
def test_full_disk(small_disk, server, monkeypatch, digits):
    monkeypatch.setenv('FASTAI_HOME', str(small_disk))
    with pytest.raises(OSError, match=f'disk/data {remedy}'): mnist_sample()
    with pytest.raises(OSError, match=f'unpacked {remedy}'): unpack_archive(server.archive)
    with pytest.warns(UserWarning, match='cannot be written .*Set FASTAI_HOME'):
        x, _ = load_split(digits)
    assert len(x) == 59 and left_behind(small_disk) == []


def test_no_room_for_a_large_file(home, tmp_path, monkeypatch, digits):
    "The same without a right to mount: files of this process may not grow beyond 10 kB, as on a disk with a quota"
    digits = shutil.copytree(digits, tmp_path/'digits')
    archive = tmp_path/'set.tgz'
    with tarfile.open(archive, 'w:gz') as tar:
        info = tarfile.TarInfo('large')
        info.size = 100_000
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    resource = pytest.importorskip('resource', reason='no such limits are known there')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match=f'unpacked {remedy}'): unpack_archive(archive)
        with pytest.warns(UserWarning, match='cannot be written .*Set FASTAI_HOME'): x, _ = load_split(digits)
        with pytest.raises(OSError, match=r'large\.safetensors: '):
            write_tensors(tmp_path/'large.safetensors', {'zeros': torch.zeros(10_000)})
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(x) == 59 and left_behind(home) == []


@pytest.mark.skipif(os.name == 'nt', reason='other permissions')
def test_folder_that_must_not_be_written_to(tmp_path, monkeypatch, digits):
    import sklearn.datasets  # noqa: F401 (write_digits needs it, and somebody else may not read where it is installed)
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        monkeypatch.setenv('FASTAI_HOME', scratch + '/closed')
        Path(scratch + '/closed').mkdir(mode=0o555)
        digits = shutil.copytree(digits, scratch + '/digits')
        with tarfile.open(scratch + '/set.tgz', 'w:gz') as tar: tar.add(digits, 'mnist_sample')
        for act in (lambda: unpack_archive(scratch + '/set.tgz'),
                    lambda: write_digits(scratch + '/closed/digits', tiny.splits, tiny.counts)):
            assert re.match(f'OSError: .* {remedy}', raised_by_somebody(act))
        def loaded():
            warnings.simplefilter('error')
            load_split(digits)
        assert re.match(r'UserWarning: .*\.npy cannot be written \(.*Permission denied.*Set FASTAI_HOME',
                        raised_by_somebody(loaded))


def test_download_may_not_reach_outside(home, server, tmp_path):
    with tarfile.open(server.archive, 'w:gz') as tar:
        tar.addfile(tarfile.TarInfo('../../escaped'), io.BytesIO())
    server.known()
    with pytest.raises(OSError, match='did not arrive whole .*escaped.*outside'): mnist_sample()
    assert not list(tmp_path.rglob('escaped')) and left_behind(home) == []


@pytest.mark.parametrize('keep, old, new', [
    (-1, b'', b''), (100, b'', b''), (0, b'', b''),
    (None, b'\x93NUMPY', bytes(6)), (None, b'(59, 28, 28)', b'(99, 28, 28)'),
    (None, b"{'descr'", b"('descr'"), (None, b"'<f4'", b"'|O' ")])
def test_damaged_cache_is_named_and_made_anew(home, tmp_path, keep, old, new, digits):
    digits = shutil.copytree(digits, tmp_path/'digits')
    x = load_split(digits)[0]
    cache, = (home/'mnist_under_hood'/'cache').iterdir()
    whole_one = cache.read_bytes()
    cache.unlink()
    cache.write_bytes(whole_one[:keep].replace(old, new))
    assert cache.read_bytes() != whole_one
    with pytest.warns(UserWarning, match='is damaged .* it is made anew'): again = load_split(digits)[0]
    assert (again == x).all() and cache.read_bytes() == whole_one


def test_what_is_loaded_can_be_changed_and_the_cache_stays(home, tmp_path, digits):
    digits = shutil.copytree(digits, tmp_path/'digits')
    x = load_split(digits)[0]
    mapped = load_split(digits)[0]
    mapped.zero_()
    assert (load_split(digits)[0] == x).all()


def test_every_change_is_noticed(home, tmp_path):
    "In a large set too, and whatever a program does to hide it"
    folder, reads = tmp_path/'set', []
    (folder/'a').mkdir(parents=True)
    names = [f'{i}.txt' for i in range(2000)]
    for name in names: (folder/'a'/name).write_text(name)
    def load(names=names): return cached_array(folder, {'a': names}, lambda: reads.append(0) or np.zeros(3))
    def was_read(change, names=names):
        before = len(reads)
        change()
        load(names)
        return len(reads) > before
    load()
    assert not was_read(lambda: None)
    assert was_read(lambda: (folder/'a'/'new.txt').write_text(''), [*names, 'new.txt']), 'a new file'
    assert was_read(lambda: (folder/'a'/'new.txt').unlink()), 'a missing file'
    def replace():
        (tmp_path/'other').write_text('other')
        os.replace(tmp_path/'other', folder/'a'/names[1])
    assert was_read(replace), 'a file in the place of another'
    def rewrite(name):
        text, seen = (folder/'a'/name).read_text(), (folder/'a'/name).stat()
        (folder/'a'/name).write_text(text[::-1])
        os.utime(folder/'a'/name, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    missed = [name for name in np.random.default_rng(0).permutation(names)[:20] if not was_read(lambda: rewrite(name))]
    assert os.name == 'nt' or missed == [], 'the same length and the same time'


def test_picture_overwritten_in_place(home, tmp_path, digits):
    "As soon as the set has been read, and as long as it was"
    digits = shutil.copytree(digits, tmp_path/'digits')
    file = sorted((digits/'train'/'3').iterdir())[0]
    for _ in range(5):
        x = load_split(digits)[0][0]
        file.write_bytes(file.read_bytes() if (x == 0).all() else png_as_long(file))
        assert (load_split(digits)[0][0] == 0).all()
        file.write_bytes((digits/'train'/'3'/'1.png').read_bytes())


def png_as_long(file):
    "A black picture, filled up to as many bytes as `file` has"
    black = io.BytesIO()
    Image.new('L', (28, 28)).save(black, 'png')
    return black.getvalue().ljust(file.stat().st_size, b'\0')


def test_a_reader_that_was_changed_reads_anew(home, tmp_path, digits, monkeypatch):
    "As a newer package is, or a cell of the notebook"
    import mnist_under_hood.data as data
    digits = shutil.copytree(digits, tmp_path/'digits')
    x, real = load_split(digits)[0].clone(), data.read_images
    def inverted(files): return 255 - real(files)
    inverted.__module__ = real.__module__
    monkeypatch.setattr(data, 'read_images', inverted)
    assert torch.allclose(load_split(digits)[0], 1 - x)
    monkeypatch.undo()


def test_weights_of_other_pictures_are_not_used(tmp_path, home, digits, monkeypatch, capsys):
    "As when a net was trained on the pictures that stand in for MNIST, and MNIST can be had later"
    first, second = (shutil.copytree(digits, tmp_path/name) for name in ('first', 'second'))
    for a, b in zip(sorted((second/'train'/'3').iterdir()), sorted((second/'train'/'7').iterdir())):
        content = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(content)
    picture = str(first/'valid'/'3'/'0.png')
    def trains(path):
        monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(path))
        assert mnist_predict(['--rung', 'linear', picture]) == 0
        return capsys.readouterr().err
    assert 'training linear' in trains(first)
    assert 'training' not in trains(first)
    said = trains(second)
    assert re.search(r'linear\.safetensors was trained with another set of pictures\.\s+training linear', said), said
    assert 'training' not in trains(second)
    monkeypatch.setattr('mnist_under_hood.__version__', '99.0')
    assert 'another package version' in trains(second)
    write_tensors(home/'mnist_under_hood'/'linear.safetensors', {'weight': torch.zeros(1, 784), 'bias': torch.zeros(1)})
    assert 'does not say what it was trained with' in trains(second)
