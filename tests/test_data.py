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
from fastai.data.external import URLs
from safetensors.torch import load_file
from test_bad_input import raised_by_somebody

from mnist_under_hood.data import load_split
from mnist_under_hood.disk import delete_leftovers
from mnist_under_hood.files import SAMPLE, cached_array, count_images, mnist_sample, unpack_archive, write_digits
from mnist_under_hood.weights import write_tensors



def left_behind(home): return [str(o.relative_to(home)) for o in home.rglob('*') if 'part' in o.name]


def grow_old(folder):
    "Make all that processes left in `folder` two days old; what it was"
    left = [o for o in folder.rglob('*-part-*')]
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
    shutil.rmtree(server)
    assert mnist_sample() == path, 'the second call downloads nothing'
    assert left_behind(home) == []


def test_cut_off_download_is_named_and_leaves_nothing(home, server):
    archive = server/'mnist_sample.tgz'
    good = archive.read_bytes()
    archive.write_bytes(good[:len(good)//2])
    with pytest.raises(OSError, match='mnist_sample.tgz did not arrive whole .* Run this again'): mnist_sample()
    assert not (home/'data'/'mnist_sample').exists() and left_behind(home) == []
    archive.write_bytes(good)
    assert count_images(mnist_sample(), tiny.splits) == tiny.counts, 'the next run starts clean'


def test_two_processes_at_once(home):
    code = ('from unittest.mock import patch\nfrom mnist_under_hood.files import *\nfrom mnist_under_hood.data '
            'import load_split\n'
            "with patch('urllib.request.urlopen', side_effect=OSError('no network')): path = mnist_sample()\n"
            'print(sum(o for o, _ in count_images(path, SAMPLE.splits).values()) == len(load_split(path)[0]) > 0)')
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
real = shutil.unpack_archive
def half(*args, **options):
    real(*args, **options)
    die()
shutil.unpack_archive = half
'''
half_downloaded = '''
import fastcore.net, fastdownload.core
fastdownload.core.urlsave = lambda url, file, **_: (open(file, "wb").write(b"half"), die())
'''
not_renamed = '''
real = os.replace
os.replace = lambda a, b: die() if str(b).endswith("mnist_sample") else real(a, b)
'''


@pytest.mark.parametrize('code', [half_downloaded, half_unpacked, not_renamed], ids=['downloading', 'unpacking',
                                                                                     'renaming'])
def test_kill_while_the_data_is_set_up(home, server, code):
    "The next run starts clean, and what the killed one left is gone a day later"
    killed(f'from fastai.data.external import URLs\nURLs.MNIST_SAMPLE = {URLs.MNIST_SAMPLE!r}\n'
           f'files.SAMPLE = files.SAMPLE._replace(counts={tiny.counts})\n{code}\nfiles.mnist_sample()')
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
    assert count_images(mnist_sample(), SAMPLE.splits) == tiny.counts
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
    (weights/'thesis-part-2').mkdir()
    os.utime(weights/'thesis-part-2', (0, 0))
    subprocess.run([sys.executable, '-c', 'import os\n' + ladder], check=True, stdout=subprocess.DEVNULL)
    assert sorted(os.listdir(weights)) == ['baseline.safetensors', 'thesis-part-2'], 'what is not ours stays'
    assert load_file(weights/'baseline.safetensors')['mean_3'].shape == (28, 28)


def test_leftovers_stay_that_are_young_or_have_another_name(tmp_path):
    for name in 'a-part-abcdefgh', 'a-part-12345678', 'b-part-abcdefgh', 'a-part-', 'a-partly-done', 'a-part-abcdefghi':
        (tmp_path/name).write_text('')
    grow_old(tmp_path)
    os.utime(tmp_path/'a-part-12345678')
    delete_leftovers(tmp_path, 'a')
    assert sorted(os.listdir(tmp_path)) == ['a-part-', 'a-part-12345678', 'a-part-abcdefghi', 'a-partly-done',
                                            'b-part-abcdefgh']
    delete_leftovers(tmp_path/'none')


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
    with pytest.raises(OSError, match=f'unpacked {remedy}'): unpack_archive(server/'mnist_sample.tgz')
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
                    lambda: write_digits(scratch + '/closed/digits', SAMPLE)):
            assert re.match(f'OSError: .* {remedy}', raised_by_somebody(act))
        def loaded():
            warnings.simplefilter('error')
            load_split(digits)
        assert re.match(r'UserWarning: .*\.npy cannot be written \(.*Permission denied.*Set FASTAI_HOME',
                        raised_by_somebody(loaded))


def test_wrong_hash_is_named_and_leaves_nothing(home, server, monkeypatch):
    "fastai knows the size and the hash of each of its archives; here it knows others for this address"
    monkeypatch.setattr('fastdownload.core.read_checks',
                        lambda _: {URLs.MNIST_SAMPLE: (3214948, '2dbc7ec6f9259b583af0072c55816a88')})
    with pytest.raises(OSError, match='mnist_sample.tgz did not arrive whole .*Run this again'): mnist_sample()
    assert not (home/'data'/'mnist_sample').exists() and left_behind(home) == []


def test_download_may_not_reach_outside(home, server, tmp_path):
    with tarfile.open(server/'mnist_sample.tgz', 'w:gz') as tar:
        tar.addfile(tarfile.TarInfo('../../escaped'), io.BytesIO())
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


def test_large_set_notices_what_changes_its_folder_and_most_changes_in_bulk(home, tmp_path):
    "Beyond 512 files not each is asked; the page on files says so"
    folder, reads = tmp_path/'set', []
    (folder/'a').mkdir(parents=True)
    names = [f'{i}.txt' for i in range(2000)]
    for name in names: (folder/'a'/name).write_text(name)
    def load(names=names): return cached_array(folder, {'a': names}, lambda: reads.append(0) or np.zeros(3))
    def was_read(change):
        before = len(reads)
        change()
        load()
        return len(reads) > before
    load()
    assert not was_read(lambda: None)
    assert was_read(lambda: (folder/'a'/'new.txt').write_text('')), 'a new file'
    assert was_read(lambda: (folder/'a'/'new.txt').unlink()), 'a missing file'
    def replace():
        (tmp_path/'other').write_text('other')
        os.replace(tmp_path/'other', folder/'a'/names[1])
    assert was_read(replace), 'a file in the place of another'
    assert was_read(lambda: [(folder/'a'/name).write_text('changed') for name in names]), 'all overwritten'
    assert was_read(lambda: os.utime(folder/'a')), 'touch'
    assert not was_read(lambda: (folder/'a'/names[1]).write_text('one of the many'))
