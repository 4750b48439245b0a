"""What several files of tests share: empty homes, small digits, a server that has them, and the lessons' runs,
which begin with the session."""
import functools
import http.server
import tarfile
import threading

import numpy as np
import pytest
from lessons import Runs
from PIL import Image

from mnist_under_hood.files import SAMPLE

tiny = SAMPLE._replace(counts={'3': (30, 10), '7': (29, 9)})
runs_key = pytest.StashKey()


def pytest_collection_finish(session):
    names = [o.callspec.params['run'] for o in session.items
             if getattr(o, 'originalname', '') == 'test_lesson_runs_alone']
    if not session.config.option.collectonly: session.config.stash[runs_key] = Runs(names)


def pytest_unconfigure(config):
    if runs_key in config.stash: config.stash[runs_key].close()


@pytest.fixture(scope='session')
def runs(request): return request.config.stash[runs_key]


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    "A small data folder, of grey noise; a test that changes it copies it"
    folder, rng = tmp_path_factory.mktemp('small')/'mnist_sample', np.random.default_rng(0)
    for c, counts in tiny.counts.items():
        for split, n in zip(tiny.splits, counts):
            (folder/split/c).mkdir(parents=True)
            for i in range(n): Image.fromarray(rng.integers(0, 256, (28, 28), np.uint8)).save(folder/split/c/f'{i}.png')
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    "An empty folder in place of ~/.fastai"
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    monkeypatch.delenv('MNIST_UNDER_HOOD_DATA', raising=False)
    return tmp_path/'home'


@pytest.fixture
def server(tmp_path, monkeypatch, digits):
    "A folder served on localhost, to which fastai's address of MNIST_SAMPLE points, with an archive of `digits`"
    from fastai.data.external import URLs
    folder = tmp_path/'served'
    folder.mkdir()
    with tarfile.open(folder/'mnist_sample.tgz', 'w:gz') as tar:
        tar.add(digits, 'mnist_sample')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(URLs, 'MNIST_SAMPLE', f'http://127.0.0.1:{httpd.server_port}/mnist_sample.tgz')
    monkeypatch.setattr('mnist_under_hood.files.SAMPLE', tiny)
    yield folder
    httpd.shutdown()
