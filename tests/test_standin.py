"""The pictures that stand in for MNIST without a network: which originals they come from, what they look like, and
that the ladder climbs on them"""
from types import SimpleNamespace

import numpy as np
import pytest

from mnist_under_hood.data import load_split
from mnist_under_hood.files import MNIST_SAMPLE, count_images
from mnist_under_hood.rungs import as_rung, train_rung
from mnist_under_hood.standin import write_digits

layout = MNIST_SAMPLE.splits, MNIST_SAMPLE.counts


@pytest.fixture(scope='module')
def standin(tmp_path_factory):
    "The folder that `mnist_sample` gives where there is no network"
    return write_digits(tmp_path_factory.mktemp('standin')/'digits', *layout, MNIST_SAMPLE.variants)


@pytest.fixture(scope='module')
def splits(standin, tmp_path_factory):
    "Training and validation pictures of the stand-in, with their labels"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('FASTAI_HOME', str(tmp_path_factory.mktemp('home')))
        return load_split(standin, 'train'), load_split(standin, 'valid')


def files(folder): return {str(o.relative_to(folder)): o.read_bytes() for o in sorted(folder.rglob('*.png'))}


def test_as_many_pictures_as_mnist_sample(standin):
    found = count_images(standin, MNIST_SAMPLE.splits)
    assert found == {'3': (40*147, 40*36), '7': (40*144, 40*35)}
    real, made = (sum(map(sum, o.values())) for o in (MNIST_SAMPLE.counts, found))
    assert 0.9 < made/real < 1.1, 'a lesson takes as long'


def test_same_bytes_twice(tmp_path):
    assert files(write_digits(tmp_path/'a', *layout, 2)) == files(write_digits(tmp_path/'b', *layout, 2))


def test_no_two_pictures_alike(standin):
    pictures = list(files(standin).values())
    assert len(set(pictures)) == len(pictures)


def test_no_validation_picture_has_an_original_in_training(standin, tmp_path, monkeypatch):
    originals = {split: {o.stem.split('_')[1] for o in (standin/split/'3').iterdir()} for split in MNIST_SAMPLE.splits}
    assert not originals['train'] & originals['valid']
    # The names could lie. So every fifth original is a lying bar here, the others are standing bars, and each split
    # must hold one kind.
    bars = np.zeros((20, 8, 8))
    bars[4::5, 3:5], bars[np.arange(20) % 5 < 4, :, 3:5] = 16, 16
    monkeypatch.setattr('sklearn.datasets.load_digits', lambda: SimpleNamespace(images=bars, target=np.full(20, 3)))
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    folder = write_digits(tmp_path/'bars', MNIST_SAMPLE.splits, '3', 10)
    for split, lying in ('train', False), ('valid', True):
        x, _ = load_split(folder, split, ['3'])
        height, width = ((x > 0.5).any(axis).sum(1) for axis in (2, 1))
        assert ((width > height) == lying).all()


def test_looks_like_mnist(splits):
    for x, _ in splits:
        assert x.shape[1:] == (28, 28)
        assert (x.flatten(1).max(1).values == 1).all() and (x.flatten(1).min(1).values == 0).all(), \
            'paper is 0, ink is 1'
        ink = x.mean((1, 2))
        assert 0.03 < ink.min() and ink.max() < 0.45
        assert ink.quantile(0.9) > 1.5*ink.quantile(0.1), 'pens are thin and thick'
        at = np.arange(28) + 0.5
        for side in 1, 2:
            middle = (x.sum(side).numpy()*at).sum(1)/x.sum((1, 2)).numpy()
            assert abs(middle.mean() - 14) < 0.3 and abs(middle - 14).max() < 6
        border = x.clone()
        border[:, 2:-2, 2:-2] = 0
        assert border.sum() < 0.03*x.sum(), 'a digit stands in 20×20 and little of it outside'


def test_the_ladder_climbs(splits):
    "Each rung leaves at most 0.8 of the mistakes of the one before"
    def errors(rung): return as_rung(rung, train_rung(rung, *splits, seed=0)).errors
    baseline, linear, relu = errors('baseline'), errors('linear'), errors('relu')
    assert baseline > 0.05*len(splits[1][0]), 'the baseline errs'
    assert linear < 0.8*baseline and relu < 0.8*linear, (baseline, linear, relu)
