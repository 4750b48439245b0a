"""What several files of tests share: empty homes, small digits, a server that has them, and the lessons' runs, which begin with the session."""
import functools
import http.server
import tarfile
import threading

import pytest
from lessons import Runs

from mnist_under_hood.files import SAMPLE, write_digits

tiny = SAMPLE._replace(counts={'3': (147, 36), '7': (144, 35)})
runs_key = pytest.StashKey()


def pytest_collection_finish(session):
    names = [o.callspec.params['run'] for o in session.items if getattr(o, 'originalname', '') == 'test_lesson_runs_alone']
    if not session.config.option.collectonly: session.config.stash[runs_key] = Runs(names)


def pytest_unconfigure(config):
    if runs_key in config.stash: config.stash[runs_key].close()


@pytest.fixture(scope='session')
def runs(request): return request.config.stash[runs_key]


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    "A folder with the small digits, for reading alone"
    return write_digits(tmp_path_factory.mktemp('small')/'digits', SAMPLE)


@pytest.fixture
def home(tmp_path, monkeypatch):
    "An empty folder in place of ~/.fastai"
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    monkeypatch.delenv('MNIST_UNDER_HOOD_DATA', raising=False)
    return tmp_path/'home'
