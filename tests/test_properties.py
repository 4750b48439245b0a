"""What holds for any input: shapes, dtypes and ranges on random ones, and no error but the documented ones on
damaged files."""
import io
import os
import struct
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from safetensors.torch import save

from mnist_under_hood.data import load_split, read_images
from mnist_under_hood.files import open_image
from mnist_under_hood.linear import DataLoader
from mnist_under_hood.multiclass import confusion_matrix, cross_entropy, log_softmax
from mnist_under_hood.nets import simple_net
from mnist_under_hood.handwriting import prepare_image
from mnist_under_hood.similarity import accuracy, l1_distance, rmse_distance

settings.register_profile('course', deadline=None, derandomize=True, max_examples=60,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('course')
fuzz_tries = int(os.environ.get('FUZZ_TRIES', 1000))


def noise(seed, height=28, width=28, lowest=0, levels=256):
    "Grey noise of so many levels, the same for the same seed"
    return (np.random.default_rng(seed).integers(0, levels, (height, width)) + lowest).clip(0, 255).astype(np.uint8)


pictures = st.builds(noise, seed=st.integers(0, 2**32), lowest=st.integers(0, 255), levels=st.integers(1, 256))
small = st.integers(1, 6)


def floats(*shape): return arrays(np.float32, shape, elements=st.floats(-100, 100, width=32)).map(torch.from_numpy)
def fractions(*shape):
    def make(seed): return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).round(decimals=seed % 4)
    return st.integers(0, 2**32).map(make)
def labels(n, classes): return arrays(np.int64, (n,), elements=st.integers(0, classes - 1)).map(torch.from_numpy)


@settings(max_examples=15)
@given(st.lists(pictures, min_size=1, max_size=4), st.lists(pictures, min_size=1, max_size=4),
       st.sampled_from(['.png', '.bmp', '.tif']))
def test_load_split(tmp_path_factory, threes, sevens, suffix):
    """Whatever the pixels, and the format as long as it keeps them, they come back as fractions in the order of the
    names, cold and from the cache"""
    folder = tmp_path_factory.mktemp('set')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('FASTAI_HOME', str(folder/'home'))
        for c, of_class in ('3', threes), ('7', sevens):
            (folder/'set'/'train'/c).mkdir(parents=True)
            for i, o in enumerate(of_class): Image.fromarray(o).save(folder/'set'/'train'/c/f'{i}{suffix}')
        for _ in range(2):
            x, y = load_split(folder/'set')
            assert x.dtype == torch.float32 and x.shape == (len(y), 28, 28) and y.dtype == torch.int64
            assert (x == torch.from_numpy(np.stack([*threes, *sevens])).float()/255).all()
            assert y.tolist() == [[1]]*len(threes) + [[0]]*len(sevens)


@given(small.flatmap(lambda n: st.tuples(fractions(n, 28, 28), fractions(28, 28))))
def test_distances(pair):
    a, b = pair
    for distance in l1_distance, rmse_distance:
        d = distance(a, b)
        assert d.shape == (len(a),) and d.dtype == torch.float32 and 0 <= d.min() and d.max() <= 1 + 1e-6
        assert torch.allclose(d, distance(b, a)) and torch.allclose(d[0], distance(a[0], b))
        assert (distance(a, a) == 0).all()
    assert (l1_distance(a, b) <= rmse_distance(a, b) + 1e-6).all(), 'never above the root of the mean square'


@given(small.flatmap(lambda n: st.tuples(labels(n, 4), labels(n, 4))))
def test_accuracy_and_confusion(pair):
    answers, targets = pair
    share, table = accuracy(answers, targets), confusion_matrix(answers, targets, 4)
    assert share.shape == () and share.dtype == torch.float32 and table.shape == (4, 4) and table.dtype == torch.int64
    assert table.sum() == len(targets) and torch.isclose(share, table.trace()/len(targets))
    assert table.sum(1).tolist() == targets.bincount(minlength=4).tolist()
    assert table.sum(0).tolist() == answers.bincount(minlength=4).tolist()


@given(st.integers(1, 40), st.integers(1, 50), st.booleans())
def test_data_loader(n, bs, shuffle):
    x = torch.arange(n).float()[:, None]
    dl = DataLoader(x, x.long(), bs=bs, shuffle=shuffle, seed=0)
    batches = list(dl)
    assert len(batches) == len(dl) and [len(xb) for xb,
                                        _ in batches[:-1]] == [bs]*(len(dl) - 1) and 1 <= len(batches[-1][0]) <= bs
    xs, ys = (torch.cat(o) for o in zip(*batches))
    assert xs.dtype == torch.float32 and ys.dtype == torch.int64 and (xs == ys).all()
    assert sorted(xs.flatten().tolist()) == list(range(n)), 'each row once'
    if not shuffle: assert (xs == x).all()


@given(small.flatmap(lambda n: st.integers(2, 10).flatmap(lambda c: st.tuples(floats(n, c), labels(n, c)))))
def test_cross_entropy(pair):
    scores, targets = pair
    logs = log_softmax(scores)
    assert logs.shape == scores.shape and logs.dtype == scores.dtype and (logs <= 0).all() and logs.isfinite().all()
    assert torch.allclose(logs.exp().sum(-1), torch.ones(len(scores)),
                          atol=1e-5) and torch.allclose(logs, F.log_softmax(scores, -1), atol=1e-4)
    loss = cross_entropy(scores, targets)
    assert loss.shape == () and loss >= 0 and torch.isclose(loss, F.cross_entropy(scores, targets), atol=1e-4)


sides = st.integers(1, 60)
modes = st.sampled_from(['L', 'RGB', 'RGBA', 'LA', 'P', '1', 'CMYK', 'YCbCr', 'HSV', 'LAB', 'I', 'F', 'I;16'])


@st.composite
def images(draw):
    "A picture of any size and mode: noise, or one patch on plain ground"
    mode, patch = draw(modes), draw(st.booleans())
    pixels = noise(draw(st.integers(0, 2**32)), draw(sides), draw(sides), draw(st.integers(0, 255)), 1 if patch
                   else draw(st.integers(1, 256)))
    if patch: pixels[draw(sides) - 1:draw(sides), draw(sides) - 1:draw(sides)] = draw(st.integers(0, 255))
    if mode == 'I;16': return Image.fromarray(pixels.astype(np.uint16)*257)
    if mode == 'LAB': return Image.merge('LAB', [Image.fromarray(pixels)]*3)
    image = Image.fromarray(pixels).convert('RGB' if mode in ('HSV', 'YCbCr') else 'L').convert(mode)
    if mode == 'P' and draw(st.booleans()):
        image.info['transparency'] = draw(st.one_of(st.integers(0, 255), st.binary(min_size=1, max_size=256)))
    return image


@settings(max_examples=200)
@given(images())
def test_prepare_image(image):
    try: x = prepare_image(image)
    except ValueError as e:
        assert 'no ink' in str(e)
        return
    assert x.shape == (28, 28) and x.dtype == torch.float32 and x.isfinite().all()
    assert 0 <= x.min() and 0 < x.max() <= 1


def mutated(rng, data):
    "`data` with some of its bytes changed, doubled, lost, or cut off"
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if not data: break
        at, kind, n = rng.integers(len(data)), rng.integers(6), int(rng.integers(1, 17))
        if kind == 0: data[at] ^= 1 << rng.integers(8)
        if kind == 1: data[at:at + n] = rng.bytes(n)
        if kind == 2: del data[at:at + n]
        if kind == 3: data[at:at] = data[at:at + n]
        if kind == 4:
            data[at:at + 4] = struct.pack(rng.choice(['>I', '<I']), rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1]))
        if kind == 5 and rng.random() < 0.3: del data[at:]
    return bytes(data)


def samples():
    "Files of several formats and modes, each a whole picture of a digit"
    ink = np.zeros((64, 48), np.uint8)
    ink[10:54, 20:26] = 255
    grey, tiny = Image.fromarray(ink), Image.fromarray(ink[::2, ::2][:28]).resize((28, 28))
    exif = Image.Exif()
    exif[0x0112], exif[0x010e] = 6, 'a seven'
    for image, kind, options in [(tiny, 'png', {}), (grey.convert('RGB'), 'png', dict(exif=exif)),
                                 (grey.convert('RGBA'), 'png', {}), (grey.convert('P'), 'png', dict(transparency=0)),
                                 (Image.fromarray(ink.astype(np.uint16)*257), 'png', {}),
                                 (grey.convert('1'), 'png', {}),
                                 (grey, 'jpeg', dict(exif=exif)), (grey.convert('RGB'), 'jpeg',
                                                                   dict(progressive=True)),
                                                                   (grey.convert('CMYK'), 'jpeg', {}),
                                 (grey, 'gif', {}), (grey.convert('P'), 'gif',
                                                     dict(save_all=True, append_images=[grey.rotate(90)])),
                                                     (tiny, 'gif', {})]:
        file = io.BytesIO()
        image.save(file, kind, **options)
        yield kind, file.getvalue()


def fuzz(attempt, inputs, seed=0):
    """Call `attempt` with mutations of `inputs`; its result must pass, and it may raise `ValueError` alone, with
    nothing said on the side"""
    rng, outcomes = np.random.default_rng(seed), {'whole': 0, 'refused': 0}
    for _ in range(fuzz_tries):
        name, data = inputs[rng.integers(len(inputs))]
        data = mutated(rng, data)
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            try:
                attempt(name, data)
                outcomes['whole'] += 1
            except ValueError as e:
                assert str(e).endswith(('.', '?')), e
                outcomes['refused'] += 1
            except BaseException as e:
                raise AssertionError(f'{type(e).__name__}: {e} for a {name} of bytes.fromhex({data.hex()!r})') from e
    assert min(outcomes.values()) > 0, outcomes


def test_fuzz_pictures(tmp_path):
    def attempt(kind, data):
        file = tmp_path/f'picture.{kind}'
        file.write_bytes(data)
        x = prepare_image(open_image(file))
        assert x.shape == (28, 28) and x.isfinite().all() and 0 <= x.min() and x.max() <= 1
    fuzz(attempt, list(samples()))


def test_fuzz_read_images(tmp_path):
    def attempt(kind, data):
        file = tmp_path/f'picture.{kind}'
        file.write_bytes(data)
        assert read_images([file]).shape == (1, 28, 28)
    fuzz(attempt, [o for o in samples() if len(o[1]) < 400])


def test_fuzz_weights(tmp_path):
    from mnist_under_hood.cli import _load
    whole = save(simple_net().state_dict())
    header = 8 + int.from_bytes(whole[:8], 'little')
    def attempt(name, data):
        file = tmp_path/'some.safetensors'
        file.write_bytes(data + whole[header:] if name == 'header' else data)
        _load('relu', file)
    fuzz(attempt, [('header', whole[:header]), ('weights file', whole)])
