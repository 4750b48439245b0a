"""Trainings that are killed: the same command goes on, and ends with the numbers of an unbroken run; a lost worker
ends the others with a word."""
import os
import re
import subprocess
import sys
import time

import psutil
import pytest
import torch

from mnist_under_hood.distributed import unpack_state
from mnist_under_hood.weights import read_tensors

epochs = 12  # enough to be killed in the middle

alone = f'''
import sys
from mnist_under_hood.all import *
path = mnist_sample()
learn = train_rung('relu', load_split(path), load_split(path, 'valid'), {epochs}, cbs=[Checkpoint(sys.argv[1])])
'''


def start(*command):
    return subprocess.Popen([sys.executable, *map(str, command)], stderr=subprocess.PIPE, text=True,
                            env={**os.environ, 'OMP_NUM_THREADS': '1'})
def workers(file):
    return start('-m', 'torch.distributed.run', '--nproc-per-node', 2, '-m', 'mnist_under_hood.distributed',
                 '--epochs', epochs, '--checkpoint', file)


def finish(process):
    stderr = process.communicate(timeout=300)[1]
    assert process.returncode == 0, stderr


def state_in(file):
    tensors, metadata = read_tensors(file)
    return unpack_state(metadata['state'], tensors)


def wait_for(file, process):
    until = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None and time.monotonic() < until, 'no checkpoint came'
        time.sleep(0.002)


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    "The state after an unbroken training in one process"
    file = tmp_path_factory.mktemp('unbroken')/'relu.safetensors'
    finish(start('-c', alone, file))
    return state_in(file)


def same(a, b, gap):
    assert a['done'] == b['done'] == epochs
    for name in a['model']: torch.testing.assert_close(a['model'][name], b['model'][name], rtol=0, atol=gap)
    torch.testing.assert_close(torch.tensor(a['recorder']['values']), torch.tensor(b['recorder']['values']), rtol=0,
                               atol=gap)


def test_killed_training_goes_on(tmp_path, unbroken):
    file = tmp_path/'relu.safetensors'
    process = start('-c', alone, file)
    wait_for(file, process)
    process.kill()
    assert process.wait() != 0
    assert state_in(file)['done'] < epochs
    finish(start('-c', alone, file))
    same(state_in(file), unbroken, gap=0)
    assert [o.name for o in tmp_path.iterdir()] == ['relu.safetensors']


def test_killed_worker_ends_the_run_and_the_command_goes_on(tmp_path, unbroken):
    file = tmp_path/'relu.safetensors'
    process = workers(file)
    wait_for(file, process)
    psutil.Process(process.pid).children()[1].kill()
    stderr = process.communicate(timeout=120)[1]
    assert process.returncode != 0
    assert re.search('worker [01] stopped: .* the same command goes on from there', stderr), stderr
    assert state_in(file)['done'] < epochs
    finish(workers(file))
    same(state_in(file), unbroken, gap=1e-5)


def test_worker_without_torchrun_says_so():
    process = start('-m', 'mnist_under_hood.distributed')
    assert 'start it by torchrun' in process.communicate()[1] and process.returncode == 2
