"""Getting the data when something goes wrong: a download cut off, a kill in the middle, two processes at once, a hostile archive."""
import functools
import http.server
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from fastai.data.external import URLs

from mnist_under_hood.data import load_split
from mnist_under_hood.files import SAMPLE, count_images, mnist_sample, unpack, whole, write_digits

tiny = SAMPLE._replace(counts={'3': (147, 36), '7': (144, 35)})


@pytest.fixture
def home(tmp_path, monkeypatch):
    "An empty folder in place of ~/.fastai"
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    monkeypatch.delenv('MNIST_UNDER_HOOD_DATA', raising=False)
    return tmp_path/'home'


@pytest.fixture
def server(tmp_path, monkeypatch):
    "A folder served on localhost, to which fastai's address of MNIST_SAMPLE points; it holds the small digits, archived"
    folder = tmp_path/'served'
    folder.mkdir()
    digits = write_digits(tmp_path/'mnist_sample', SAMPLE)
    with tarfile.open(folder/'mnist_sample.tgz', 'w:gz') as tar: tar.add(digits, 'mnist_sample')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(URLs, 'MNIST_SAMPLE', f'http://127.0.0.1:{httpd.server_port}/mnist_sample.tgz')
    monkeypatch.setattr('mnist_under_hood.files.SAMPLE', tiny)
    yield folder
    httpd.shutdown()


def left_behind(home): return [str(o.relative_to(home)) for o in home.rglob('*') if 'part' in o.name]


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


def test_kill_in_the_middle_leaves_no_folder(home):
    code = ('import os, signal\nfrom mnist_under_hood.files import *\n'
            f'with whole({str(home/"data"/"mnist_sample")!r}) as folder:\n'
            "    (folder/'train').mkdir(); os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run([sys.executable, '-c', code]).returncode == -9
    assert not (home/'data'/'mnist_sample').exists()


def test_two_processes_at_once(home):
    code = ('from unittest.mock import patch\nfrom mnist_under_hood.files import *\nfrom mnist_under_hood.data import load_split\n'
            "with patch('urllib.request.urlopen', side_effect=OSError('no network')): path = mnist_sample()\n"
            'print(count_images(path, SAMPLE.splits), len(load_split(path)[0]))')
    processes = [subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    last_lines = [p.communicate()[0].splitlines()[-1] for p in processes]
    assert last_lines == [f'{tiny.counts} {147 + 144}']*2
    assert left_behind(home) == []


@pytest.mark.parametrize('name', ['../escaped.png', '/tmp/escaped-mnist.png'])
def test_archive_may_not_reach_outside(home, tmp_path, name):
    archive = tmp_path/'hostile.tgz'
    with tarfile.open(archive, 'w:gz') as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b'oops'))
    if name.startswith('/'):  # the data filter strips the leading slash: the file lands inside
        unpack(archive)
        assert not Path(name).exists()
    else:
        with pytest.raises(ValueError, match='hostile.tgz cannot be unpacked'): unpack(archive)
    assert not (tmp_path/'escaped.png').exists() and left_behind(home) == []


def test_unreadable_cache_folder_is_a_warning(home, tmp_path):
    digits = write_digits(tmp_path/'digits', SAMPLE)
    (home/'mnist_under_hood').mkdir(parents=True)
    (home/'mnist_under_hood'/'cache').write_text('a file where the folder should be')
    with pytest.warns(UserWarning, match='cannot be written'): x, y = load_split(digits)
    assert len(x) == len(y) == 147 + 144


def test_cache_notices_a_changed_a_new_and_a_missing_file(home, tmp_path):
    digits = write_digits(tmp_path/'digits', SAMPLE)
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
