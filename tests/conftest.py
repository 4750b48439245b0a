"""What several files of tests share: empty homes, small digits, a server that has them, and the lessons' runs,
which begin with the session."""
import hashlib
import http.server
import os
import socket
import tarfile
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from lessons import Runs
from PIL import Image

from mnist_under_hood.files import MNIST_SAMPLE

tiny = MNIST_SAMPLE._replace(counts={'3': (30, 10), '7': (29, 9)})
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


class Handler(http.server.BaseHTTPRequestHandler):
    "Answers each GET with the next of the server's `answers`, and with the last of them from then on"
    def log_message(self, *_): pass

    def do_HEAD(self):
        self.send_response(self.server.state.status)
        self.end_headers()

    def do_GET(self):
        state = self.server.state
        state.requests.append(self.path)
        answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
        body = state.archive.read_bytes()
        self.send_response(302 if answer == 'redirect' else 200)
        if answer == 'redirect': self.send_header('Location', f'/elsewhere/{len(state.requests)}')
        self.send_header('Content-Length', str(0 if answer == 'redirect' else len(body)))
        self.end_headers()
        if answer == 'redirect': return
        self.wfile.write(body[:len(body)//2] if answer in ('cut', 'stall') else body[::-1] if answer == 'wrong'
                         else body[:-8] + bytes([body[-8] ^ 1]) + body[-7:] if answer == 'flipped' else body)
        self.wfile.flush()
        if answer == 'stall': state.stalled.wait(20)
        if answer in ('cut', 'stall'): self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


@pytest.fixture
def server(tmp_path, monkeypatch, digits):
    "A server on localhost with an archive of `digits` in place of MNIST_SAMPLE's; `answers` says how it behaves"
    state = SimpleNamespace(archive=tmp_path/'served.tgz', answers=['whole'], requests=[], status=200,
                            stalled=threading.Event())
    (tmp_path/'noise').write_bytes(np.random.default_rng(0).bytes(2**20))  # more than the MD5 is taken of
    with tarfile.open(state.archive, 'w:gz') as tar:
        tar.add(tmp_path/'noise', 'mnist_sample/noise')
        tar.add(digits, 'mnist_sample')
    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    httpd.state, httpd.daemon_threads = state, True
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    state.url = f'http://127.0.0.1:{httpd.server_port}/mnist_sample.tgz'
    def known():
        "Let the package know the archive as it is now"
        state.source = tiny._replace(url=state.url, size=os.path.getsize(state.archive),
                                     md5=hashlib.md5(state.archive.read_bytes()[:2**20]).hexdigest())
        monkeypatch.setattr('mnist_under_hood.files.MNIST_SAMPLE', state.source)
    state.known = known
    known()
    monkeypatch.setattr('mnist_under_hood.files._TIMEOUT', 0.5)
    monkeypatch.setattr('pooch.core.time', SimpleNamespace(sleep=state.requests.append, time=time.time))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    yield state
    state.stalled.set()
    httpd.shutdown()
