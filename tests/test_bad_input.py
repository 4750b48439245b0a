"""Bad input, in one table: what is done, the error it ends in, and the sentence, which names what was wrong and what would work.

A row without an error says what comes of input that only looks bad. Afterwards nothing half-written may lie about."""
import contextlib
import io
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zlib
from collections import namedtuple
from pathlib import Path
from time import process_time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mnist_under_hood.backprop import MnistLoss
from mnist_under_hood.cli import mnist_ladder, mnist_predict
from mnist_under_hood.data import load_split, read_images
from mnist_under_hood.distributed import Checkpoint
from mnist_under_hood.files import SAMPLE, mnist_sample, open_image, unpack, write_digits
from mnist_under_hood.learner import DataLoaders, Learner
from mnist_under_hood.linear import DataLoader, batch_accuracy, linear1, mnist_loss, validate_epoch
from mnist_under_hood.multiclass import calibration, confusion_matrix, cross_entropy, fit_temperature, top1_accuracy
from mnist_under_hood.nets import simple_net
from mnist_under_hood.optim import Momentum
from mnist_under_hood.resnet import bce_loss, prepare_image, train_rung
from mnist_under_hood.similarity import accuracy, is_3, l1_distance, rmse_distance
from mnist_under_hood.weights import read_tensors, write_tensors

Row = namedtuple('Row', 'name does error says', defaults=['', ''])
nan, inf, tensor = float('nan'), float('inf'), torch.tensor


class Stopped(Exception): "A command ended with a status other than 0; what it wrote to stderr"


@pytest.fixture(scope='module')
def digits(tmp_path_factory): return write_digits(tmp_path_factory.mktemp('small')/'digits', SAMPLE)


class Place:
    "An empty folder of its own, and what the rows need to do damage in it"
    def __init__(self, folder, digits): self.folder, self.source = folder, digits

    def __truediv__(self, name): return self.folder/name

    def set(self, **damage):
        "Four pictures of each class in each split; `damage` maps a function to a file of one of them"
        for split in SAMPLE.splits:
            for c in '37':
                (self/'set'/split/c).mkdir(parents=True)
                for file in sorted((self.source/split/c).iterdir())[:4]: shutil.copy(file, self/'set'/split/c)
        return self/'set'

    def broken(self, damage):
        "A set in which `damage` was done to the first three of the training set; its split, loaded"
        path = self.set()
        damage(path/'train'/'3'/'0.png')
        return load_split(path)

    def write(self, name, content):
        (self/name).write_bytes(content)
        return self/name

    def picture(self, image, name='picture.png', **options):
        image.save(self/name, **options)
        return self/name

    def archive(self, *members):
        "A .tgz of a good file and `members`, each a `TarInfo`, or a name for a file"
        with tarfile.open(self/'set.tgz', 'w:gz') as tar:
            for o in 'good.txt', *members:
                info = tarfile.TarInfo(o) if isinstance(o, str) else o
                info.size = 4 if info.isreg() else 0
                tar.addfile(info, io.BytesIO(b'oops'[:info.size]))
        return self/'set.tgz'

    def weights(self, **tensors):
        save_file(tensors, self/'some.safetensors')
        return self/'some.safetensors'

    def command(self, command, *args, data=None):
        if data is not None: os.environ['MNIST_UNDER_HOOD_DATA'] = str(data)
        out, err, status = io.StringIO(), io.StringIO(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try: status = command([str(o) for o in args])
            except SystemExit as e: status = e.code
        if status: raise Stopped(err.getvalue())
        return out.getvalue()

    def predict(self, *images, weights=None):
        if weights is None:
            weights = self/'relu.safetensors'
            save_file(simple_net().state_dict(), weights)
        return self.command(mnist_predict, '--weights', weights, *images)


def link(target):
    def damage(file):
        file.unlink()
        file.symlink_to(target)
    return damage


def png(width, height, bits=8, colour=0):
    "A PNG that claims this size and has no pixels"
    def chunk(name, content): return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b'')


def member(name, kind, target=''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def learner(x=None, y=None, model=None, loss_func=mnist_loss, bs=4, **options):
    if x is None: x = torch.rand(10, 784, generator=torch.Generator().manual_seed(0))
    if y is None: y = (torch.arange(len(x)) % 2)[:, None]
    torch.manual_seed(0)
    dl = DataLoader(x, y, bs)
    return Learner(DataLoaders(dl, dl), model or simple_net(), loss_func, metrics=batch_accuracy, bar=False, device='cpu', **options)


def holed(pixel):
    "Ten pictures, in the eighth a pixel that is no number"
    x = torch.zeros(10, 784)
    x[7, 300] = pixel
    return x


def fit_on(file, n_epoch=1, **options): learner(opt_func=Momentum, **options).fit(n_epoch, cbs=[Checkpoint(file)])


def tampered(file, old, new):
    "Change the text in a checkpoint"
    tensors, metadata = read_tensors(file)
    assert old in metadata['state'], old
    write_tensors(file, tensors, {'state': metadata['state'].replace(old, new)})


def fitted(learn, *args, **options):
    learn.fit(*args, **options)
    return len(learn.recorder.values), len(learn.recorder.losses)


def gap(image):
    "How far `image`, prepared, is from 28×28 in 0..1"
    x = prepare_image(image)
    return x.shape == (28, 28) and 0 <= x.min() and x.max() <= 1


seven = Image.new('L', (60, 80))
seven.paste(255, (15, 10, 45, 16))
seven.paste(255, (38, 10, 45, 70))
whole, size, ask = r'0\.png is not a whole picture \(.+\)\. \w+', r'0\.png is .*wanted is 28×28 in mode L \(8-bit grey\)\. Image\.open', (1, 784)

ROWS = [
    # The data folder
    Row('no such path', lambda o: load_split(o/'nowhere'), FileNotFoundError, r'there is no folder .*nowhere/train\. Does path name a data set'),
    Row('no such split', lambda o: load_split(o.set(), 'test'), FileNotFoundError, r'no folder .*set/test\. Does path name'),
    Row('split is a file', lambda o: (o.write('train', b''), load_split(o.folder)), FileNotFoundError, r'no folder .*/train\.'),
    Row('split is a symlink loop', lambda o: ((o/'train').symlink_to(o/'train'), load_split(o.folder)), FileNotFoundError, r'no folder .*/train\.'),
    Row('empty class', lambda o: o.broken(lambda file: [p.unlink() for p in file.parent.iterdir()]), ValueError, r'train/3 is empty: class 3 has no pictures\. Put them back'),
    Row('class is missing', lambda o: o.broken(lambda file: shutil.rmtree(file.parent)), ValueError, r"has the class folders \['7'\], and classes asks for \['3', '7'\]"),
    Row('class too many', lambda o: o.broken(lambda file: (file.parents[1]/'8').mkdir()), ValueError, r"class folders \['3', '7', '8'\], and classes asks for \['3', '7'\]"),
    Row('classes with other names', lambda o: o.broken(lambda file: file.parent.rename(file.parents[1]/'three')), ValueError, r"class folders \['7', 'three'\], and classes asks"),
    Row('classes are asked for by number', lambda o: load_split(o.set(), classes=(7, 3)), ValueError, r'class folders \[.*classes asks for \[3, 7\]'),
    Row('classes with other names are loaded by name', lambda o: ((p := o.set()/'train'/'3').rename(p.parent/'three'), load_split(o/'set', classes=('7', 'three'))[1].sum().item())[1], None, 4),
    Row('hidden files are nobody\'s pictures', lambda o: o.broken(lambda file: (file.parent/'.DS_Store').touch())[0].shape, None, (8, 28, 28)),
    # One picture of it
    Row('a file of no bytes', lambda o: o.broken(lambda file: file.write_bytes(b'')), ValueError, whole),
    Row('a truncated picture', lambda o: o.broken(lambda file: file.write_bytes(file.read_bytes()[:-30])), ValueError, whole),
    Row('a changed byte', lambda o: o.broken(lambda file: file.write_bytes(file.read_bytes()[:60] + b'????' + file.read_bytes()[64:])), ValueError, whole),
    Row('no picture', lambda o: o.broken(lambda file: file.write_text('a seven')), ValueError, whole),
    Row('a folder for a picture', lambda o: o.broken(lambda file: (file.unlink(), file.mkdir())), ValueError, whole),
    Row('a symlink loop', lambda o: o.broken(link('0.png')), ValueError, whole),
    Row('a link to nothing', lambda o: o.broken(link('/nowhere.png')), ValueError, whole),
    Row('16 bits', lambda o: o.broken(lambda file: Image.fromarray(np.zeros((28, 28), np.uint16)).save(file)), ValueError, size),
    Row('RGBA', lambda o: o.broken(lambda file: Image.new('RGBA', (28, 28)).save(file)), ValueError, size),
    Row('a palette', lambda o: o.broken(lambda file: Image.new('P', (28, 28)).save(file)), ValueError, size),
    Row('black and white', lambda o: o.broken(lambda file: Image.new('1', (28, 28)).save(file)), ValueError, size),
    Row('another size', lambda o: o.broken(lambda file: Image.new('L', (32, 28)).save(file)), ValueError, size.replace('.*', '32×28 in mode L; ')),
    Row('a gigapixel', lambda o: o.broken(lambda file: file.write_bytes(png(40000, 30000))), ValueError, whole.replace('.+', '.*1200000000 pixels.*')),
    Row('an animation counts as its first picture', lambda o: o.broken(lambda file: Image.new('L', (28, 28), 255).save(file, save_all=True, append_images=[Image.new('L', (28, 28))]))[0][0].min().item(), None, 1),
    Row('another format will do', lambda o: o.broken(lambda file: Image.new('L', (28, 28), 51).save(file, 'bmp'))[0][0].max().item(), None, pytest.approx(0.2)),
    Row('a path for a list of paths', lambda o: read_images(str(o/'0.png')), ValueError, r'files is one path, .*0\.png; wanted is a list of paths'),
    Row('a list of no paths', lambda o: read_images([]).shape, None, (0, 28, 28)),
    # Archives
    Row('MNIST_UNDER_HOOD_DATA names nothing', lambda o: o.command(mnist_ladder, data=o/'nowhere'), Stopped, r'MNIST_UNDER_HOOD_DATA names .*nowhere, which is neither a data folder'),
    Row('an archive of something else', lambda o: o.command(mnist_ladder, data=o.archive()), Stopped, r'MNIST_UNDER_HOOD_DATA names .*set\.tgz, which is neither'),
    Row('no archive', lambda o: unpack(o/'none.tgz'), FileNotFoundError, r'there is no archive .*none\.tgz'),
    Row('an archive of no bytes', lambda o: unpack(o.write('set.tgz', b'')), ValueError, r'set\.tgz cannot be unpacked \(.*\)\. .*delete it and download it again'),
    Row('an archive cut off', lambda o: unpack(o.write('set.tgz', o.archive().read_bytes()[:-20])), ValueError, r'set\.tgz cannot be unpacked'),
    Row('an archive that is none', lambda o: unpack(o.write('set.zip', b'a seven')), ValueError, r'set\.zip cannot be unpacked'),
    Row('an archive of no known kind', lambda o: unpack(o.write('set.rar', b'a seven')), ValueError, r'set\.rar cannot be unpacked'),
    Row('an absolute path stays inside', lambda o: [p.name for p in (unpack(o.archive(str(o/'escaped')))).rglob('escaped')], None, ['escaped']),
    Row('a path with ..', lambda o: unpack(o.archive('../escaped')), ValueError, r'set\.tgz cannot be unpacked \(.*escaped.*outside'),
    Row('a symlink that leads outside', lambda o: unpack(o.archive(member('door', tarfile.SYMTYPE, '../..'), 'door/escaped')), ValueError, r'cannot be unpacked \(.*door.*outside'),
    Row('a symlink to an absolute path', lambda o: unpack(o.archive(member('door', tarfile.SYMTYPE, '/tmp'))), ValueError, r'cannot be unpacked \(.*door.*absolute'),
    Row('a hard link that leads outside', lambda o: unpack(o.archive(member('door', tarfile.LNKTYPE, '../../secret'))), ValueError, r'cannot be unpacked \(.*door.*outside'),
    Row('a device', lambda o: unpack(o.archive(member('door', tarfile.CHRTYPE))), ValueError, r'cannot be unpacked \(.*door.*special file'),
    # Functions of the lessons
    Row('distance of whole numbers', lambda o: l1_distance(torch.ones(5, 28, 28, dtype=torch.uint8), torch.ones(28, 28)), ValueError, r'a is torch\.uint8 and b torch\.float32; wanted are floats.* a/255'),
    Row('distance that would broadcast', lambda o: rmse_distance(torch.ones(5, 28, 1), torch.ones(28, 28)), ValueError, r'a has shape \(5, 28, 1\) and b \(28, 28\); their last two'),
    Row('pictures in rows of 784', lambda o: is_3(torch.ones(5, 784), torch.ones(28, 28), torch.ones(28, 28)), ValueError, r'a has shape \(5, 784\)'),
    Row('accuracy that would broadcast', lambda o: accuracy(torch.ones(5), torch.ones(5, 1)), ValueError, r'preds has shape \(5,\) and targets \(5, 1\)\. They must be the same.*unsqueeze'),
    Row('accuracy of nothing', lambda o: accuracy(torch.ones(0, 1), torch.ones(0, 1)), ValueError, r'empty, of shape \(0, 1\): there is no share of nothing'),
    Row('top1_accuracy that would broadcast', lambda o: top1_accuracy(torch.ones(5, 10), torch.ones(5, 1)), ValueError, r'preds has shape \(5,\) and targets \(5, 1\)'),
    Row('loss that would broadcast', lambda o: mnist_loss(torch.ones(5), torch.ones(5, 1)), ValueError, r'preds has shape \(5,\) and targets \(5, 1\)'),
    Row('binary cross-entropy that would broadcast', lambda o: bce_loss(torch.ones(5, 1), torch.ones(5)), ValueError, r'preds has shape \(5, 1\) and targets \(5,\)'),
    Row('loss of digits for labels', lambda o: mnist_loss(torch.ones(2, 1), tensor([[1], [7]])), ValueError, r'targets holds 7; a label is 1 for a three and 0 for a seven: \(digits == 3\)\.long\(\)'),
    Row('binary cross-entropy of digits for labels', lambda o: bce_loss(torch.ones(2, 1), tensor([[3], [7]])), ValueError, r'targets holds 3; a label is 1'),
    Row('the loss of lesson 9, of NaN for a label', lambda o: MnistLoss().forward(torch.ones(2, 1), tensor([[1], [nan]])), ValueError, r'targets holds nan; a label is 1'),
    Row('weights that are no column', lambda o: linear1(torch.ones(5, 784), torch.ones(784), torch.ones(1)), ValueError, r'weights has shape \(784,\); pictures of shape \(5, 784\) want \(784, outputs\)'),
    Row('pictures and labels of different lengths', lambda o: DataLoader(torch.ones(5, 784), torch.ones(4, 1)), ValueError, r'x has 5 rows and y 4'),
    Row('an empty set', lambda o: DataLoader(torch.ones(0, 784), torch.ones(0, 1)), ValueError, r'x has no rows: there is nothing to load'),
    Row('a batch of nothing', lambda o: DataLoader(torch.ones(5, 784), torch.ones(5, 1), bs=0), ValueError, r'bs is 0; a batch has 1 row or more'),
    Row('a batch larger than the set', lambda o: [len(xb) for xb, _ in DataLoader(torch.ones(5, 784), torch.ones(5, 1), bs=256)], None, [5]),
    Row('a label below 0', lambda o: cross_entropy(torch.ones(2, 3), tensor([0, -1])), ValueError, r'targets is torch\.int64 of shape \(2,\), and preds has shape \(2, 3\); wanted are whole numbers, int64, from 0 to 2'),
    Row('a label too high', lambda o: cross_entropy(torch.ones(2, 3), tensor([0, 3])), ValueError, r'from 0 to 2'),
    Row('labels that are floats', lambda o: cross_entropy(torch.ones(2, 3), tensor([0., 1.])), ValueError, r'targets is torch\.float32 .* wanted are whole numbers, int64'),
    Row('labels in a column', lambda o: cross_entropy(torch.ones(2, 3), tensor([[0], [1]])), ValueError, r'targets \(2, 1\); wanted are \(N, classes\) and \(N,\)'),
    Row('cross-entropy of nothing', lambda o: cross_entropy(torch.ones(0, 3), torch.ones(0).long()), ValueError, r'preds has shape \(0, 3\) .* N 1 or more'),
    Row('a class the matrix has no row for', lambda o: confusion_matrix(tensor([0, 1]), tensor([0, 3]), 3), ValueError, r'targets is torch\.int64 of shape \(2,\), from 0 to 3; wanted are whole numbers from 0 to 2'),
    Row('a class the matrix has no column for', lambda o: confusion_matrix(tensor([-1, 1]), tensor([0, 2]), 3), ValueError, r'answers .* from -1 to 1; wanted'),
    Row('a matrix of scores', lambda o: confusion_matrix(tensor([0.5, 1]), tensor([0., 2])), ValueError, r'answers is torch\.float32'),
    Row('a matrix of nothing', lambda o: confusion_matrix(tensor([]).long(), tensor([]).long(), 2).tolist(), None, [[0, 0], [0, 0]]),
    Row('calibration of scores', lambda o: calibration(tensor([[3., -1.]]), tensor([0])), ValueError, r'probs, of shape \(1, 2\), must hold numbers from 0 to 1.*softmax'),
    Row('calibration of NaN', lambda o: calibration(tensor([[nan, 0.]]), tensor([0])), ValueError, r'probs, of shape \(1, 2\), must hold numbers from 0 to 1'),
    Row('temperature of NaN', lambda o: fit_temperature(tensor([[nan, 0.]]), tensor([0])), ValueError, r'scores holds numbers that are not finite'),
    Row('a rung there is none of', lambda o: train_rung('linaer', None, None), ValueError, r"rung is 'linaer'; there are baseline, linear, relu, resnet18"),
    # Learner
    Row('pixels of NaN to train on', lambda o: learner(x=holed(nan)), ValueError, r'dls\.train\.x holds nan at \(7, 300\); each pixel is a number'),
    Row('infinite pixels to train on', lambda o: learner(x=holed(-inf)), ValueError, r'dls\.train\.x holds -inf at \(7, 300\)'),
    Row('bytes to train on', lambda o: learner(x=torch.ones(10, 784).byte()), ValueError, r'dls\.train\.x is torch\.uint8; pictures are floats in 0\.\.1, so dls\.train\.x\.float\(\)/255'),
    Row('a pixel of NaN to predict', lambda o: learner().predict(holed(nan)[7]), ValueError, r'x holds nan at \(300,\)'),
    Row('whole numbers to predict', lambda o: learner().predict(torch.ones(784).long()), ValueError, r'x is torch\.int64'),
    Row('a rate of 0', lambda o: learner().fit(1, 0), ValueError, r'lr is 0; a learning rate is a number above 0'),
    Row('a rate below 0', lambda o: learner().fit(1, -1), ValueError, r'lr is -1;'),
    Row('a rate of NaN', lambda o: learner().fit(1, nan), ValueError, r'lr is nan;'),
    Row('an infinite rate', lambda o: learner().fit(1, inf), ValueError, r'lr is inf;'),
    Row('a rate beyond all bounds', lambda o: learner(y=torch.arange(10) % 3, model=simple_net(n_out=3), loss_func=cross_entropy).fit(40, 1e38), FloatingPointError, r'the loss became (nan|inf) in epoch \d+, batch \d+, at a learning rate of 1e\+38\. Try a lower one'),
    Row('a rate of a billion, and a loss that saturates', lambda o: fitted(learner(), 2, 1e9), None, (2, 6)),
    Row('no epochs', lambda o: fitted(learner(), 0), None, (0, 0)),
    Row('half an epoch', lambda o: learner().fit(0.5), ValueError, r'n_epoch is 0\.5; it is a whole number'),
    Row('training with a batch larger than the set', lambda o: fitted(learner(bs=999), 3), None, (3, 3)),
    # Weights
    Row('no weights', lambda o: learner().load(o/'none.safetensors'), FileNotFoundError, r'there is no file .*none\.safetensors'),
    Row('weights of another shape', lambda o: learner().load(o.weights(**{k: v[:20] for k, v in simple_net(40).state_dict().items()})), ValueError, r'some\.safetensors holds weights of another model: 0\.bias is \(20,\) in the file, and \(30,\) in the model'),
    Row('weights of another model', lambda o: learner().load(o.weights(weight=torch.ones(3))), ValueError, r'holds weights of another model: 0\.bias is missing in the file'),
    Row('weights cut off', lambda o: (f := o.weights(weight=torch.ones(3)), f.write_bytes(f.read_bytes()[:-4]), learner().load(f)), ValueError, r'some\.safetensors is no whole safetensors file'),
    Row('weights of no bytes', lambda o: learner().load(o.write('some.safetensors', b'')), ValueError, r'is no whole safetensors file'),
    Row('weights in a pickle', lambda o: (torch.save(simple_net().state_dict(), o/'some.safetensors'), learner().load(o/'some.safetensors')), ValueError, r'is no whole safetensors file'),
    Row('weights with a header of 2⁶⁴ bytes', lambda o: learner().load(o.write('some.safetensors', b'\xff'*8 + b'{}')), ValueError, r'is no whole safetensors file'),
    Row('weights with a header of 90 MB', lambda o: learner().load(o.write('some.safetensors', struct.pack('<Q', 90_000_000) + b'{}')), ValueError, r'is no whole safetensors file'),
    Row('a checkpoint that holds weights alone', lambda o: fit_on(learner().save(o/'some.safetensors')), ValueError, r'some\.safetensors holds weights alone, and is no checkpoint\. Learner\.load reads it'),
    Row('a checkpoint of another fit', lambda o: (fit_on(o/'some.safetensors', 2), fit_on(o/'some.safetensors', 3)), ValueError, r"is a checkpoint of a fit with \{'n_epoch': 2, .*and this one has \{'n_epoch': 3, .*Delete it"),
    Row('a checkpoint of another shape', lambda o: (fit_on(o/'some.safetensors', model=simple_net(40)), fit_on(o/'some.safetensors')), ValueError, r'holds weights of another model: 0\.bias is \(40,\) in the file, and \(30,\)'),
    Row('a checkpoint cut off', lambda o: (fit_on(f := o/'some.safetensors'), f.write_bytes(f.read_bytes()[:-4]), fit_on(f)), ValueError, r'is no whole safetensors file'),
    Row('a checkpoint in a pickle', lambda o: (torch.save({'done': 1}, o/'some.safetensors'), fit_on(o/'some.safetensors')), ValueError, r'is no whole safetensors file'),
    *[Row(f'a checkpoint with {new!r} for {old!r}', lambda o, old=old, new=new: (fit_on(f := o/'some.safetensors'), tampered(f, old, new), fit_on(f)), ValueError, r'some\.safetensors is no whole checkpoint \(.*Delete it to begin anew')
      for old, new in [('{"call"', '{"call'), ('"done"', '"gone"'), ('"velocities"', '"speeds"'), ('"mom": 0.9', '"mom": "a"'), ('"tensor 1"', '"tensor 99"'), ('"random": {"tensor', '"random": {"tensors'), ('"lrs"', '"rates"')]],
    Row('weights that overlap', lambda o: learner().load(o.write('some.safetensors', struct.pack('<Q', 59) + b'{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]}}')), ValueError, r'is no whole safetensors file'),
    # Pictures of your own
    Row('a path for a picture', lambda o: prepare_image('seven.png'), TypeError, r'image is a str; wanted is what Image\.open\(file\) returns'),
    Row('an array for a picture', lambda o: prepare_image(np.zeros((28, 28))), TypeError, r'image is a ndarray; wanted is'),
    Row('a picture without pixels', lambda o: prepare_image(Image.new('L', (0, 5))), ValueError, r'the picture is 0×5: it has no pixels'),
    Row('white paper', lambda o: prepare_image(Image.new('RGB', (300, 200), 'white')), ValueError, r'the picture has no ink'),
    Row('pixels of NaN', lambda o: prepare_image(Image.fromarray(np.full((28, 28), nan, np.float32))), ValueError, r'pixels that are no finite numbers'),
    Row('pixels of infinity', lambda o: prepare_image(Image.fromarray(np.diag([inf]*28).astype(np.float32))), ValueError, r'pixels that are no finite numbers'),
    Row('one pixel', lambda o: prepare_image(Image.new('L', (1, 1), 255)), ValueError, r'no ink'),
    Row('a line', lambda o: gap(Image.fromarray(np.r_[np.zeros(300), np.full(20, 255), np.zeros(300)].astype(np.uint8)[None])), None, True),
    Row('16 bits are as good', lambda o: gap(Image.fromarray(np.asarray(seven).astype(np.uint16)*257)), None, True),
    *(Row(f'mode {mode} is as good', lambda o, mode=mode: gap(seven.convert('RGB').convert(mode)), None, True) for mode in ('RGBA', 'P', '1', 'CMYK', 'YCbCr', 'HSV', 'F', 'I')),
    Row('mode LAB is as good', lambda o: gap(Image.merge('LAB', [seven]*3)), None, True),
    Row('ten thousand specks of dust', lambda o: (began := process_time(), gap(Image.fromarray(np.kron(np.random.default_rng(0).random((200, 200)) < 0.5, [[255, 0], [0, 0]]).astype(np.uint8))), process_time() - began < 10)[1:], None, (True, True)),
    Row('open_image of a missing file', lambda o: open_image(o/'none.png'), ValueError, r'none\.png is not a whole picture \(.*No such file'),
    # The two commands
    *(Row(f'mnist_predict of {name}', lambda o, make=make: o.predict(make(o)), Stopped, rf'picture\.png: skipped: .*{says}') for name, make, says in (
        ('a missing file', lambda o: o/'picture.png', 'No such file'),
        ('a folder', lambda o: ((o/'picture.png').mkdir(), o/'picture.png')[1], 'picture\\.png is not a whole picture'),
        ('no bytes', lambda o: o.write('picture.png', b''), 'not a whole picture'),
        ('half a picture', lambda o: o.write('picture.png', o.picture(seven).read_bytes()[:90]), 'not a whole picture'),
        ('a gigapixel', lambda o: o.write('picture.png', png(40000, 30000)), '1200000000 pixels'),
        ('ninety million pixels', lambda o: o.write('picture.png', png(10000, 9000)), '90000000 pixels'),
        ('white paper', lambda o: o.picture(Image.new('L', (40, 40), 255)), 'has no ink'))),
    Row('mnist_predict of an animation', lambda o: len(o.predict(o.picture(seven, 'seven.gif', save_all=True, append_images=[seven.rotate(180)])).splitlines()), None, 1),
    Row('mnist_predict without pictures', lambda o: o.command(mnist_predict), Stopped, r'the following arguments are required: IMAGE'),
    Row('mnist_predict of a rung there is none of', lambda o: o.command(mnist_predict, '--rung', 'linaer', 'a.png'), Stopped, r"argument --rung: invalid choice: 'linaer' \(choose from"),
    Row('mnist_predict with no weights', lambda o: o.predict('a.png', weights=o/'none.safetensors'), Stopped, r'there is no file .*none\.safetensors'),
    Row('mnist_predict with a pickle', lambda o: (torch.save({}, o/'some.pt'), o.predict('a.png', weights=o/'some.pt')), Stopped, r'some\.pt is no whole safetensors file'),
    Row('mnist_predict with weights of NaN', lambda o: o.predict(o.picture(seven), weights=o.weights(**{k: v*nan for k, v in simple_net().state_dict().items()})), Stopped, r'the weights hold numbers that are none \(NaN\).*Train them anew'),
    Row('mnist_ladder with a rung there is none of', lambda o: o.command(mnist_ladder, '--rungs', 'linear,linaer'), Stopped, r"no rung 'linaer'; there are baseline, linear, relu, resnet18"),
    *(Row(f'mnist_ladder with {n} epochs', lambda o, n=n: o.command(mnist_ladder, '--epochs', n), Stopped, r'--epochs: .*(not a whole number above 0|invalid)') for n in ('0', '-1', '1.5', 'nan', '²')),
    Row('mnist_ladder that saves into a file', lambda o: o.command(mnist_ladder, '--save', o.write('weights', b'')), Stopped, r'--save: .*File exists.*weights'),
    Row('mnist_ladder with a damaged set', lambda o: o.command(mnist_ladder, data=(p := o.set(), (p/'train'/'3'/'0.png').write_bytes(b''))[0]), Stopped, r'0\.png is not a whole picture'),
    Row('mnist_ladder with too many classes', lambda o: o.command(mnist_ladder, data=(p := o.set(), (p/'train'/'8').mkdir())[0]), Stopped, r"class folders \['3', '7', '8'\], and classes asks"),
    Row('mnist_ladder with four pictures of each', lambda o: o.command(mnist_ladder, '--rungs', 'baseline,linear', '--epochs', '1', data=o.set()).count(' of 8'), None, 2),
]
assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_bad_input(row, tmp_path, monkeypatch, digits):
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(digits))
    place = Place(tmp_path/'place', digits)
    place.folder.mkdir()
    if row.error is None: assert row.does(place) == row.says
    else:
        with pytest.raises(row.error) as said: row.does(place)
        assert type(said.value) is row.error and re.search(row.says, str(said.value), re.S), said.value
    assert not [o for o in tmp_path.rglob('*') if '-part-' in o.name]
    assert not [o for o in tmp_path.rglob('escaped') if 'unpacked' not in o.parts]


def test_weights_run_no_code(tmp_path):
    "A pickle can run a command as it is loaded; this one is not loaded"
    class Trap:
        def __reduce__(self): return os.mkdir, (str(tmp_path/'trap'),)
    torch.save({'weight': Trap()}, tmp_path/'some.safetensors')
    with pytest.raises(ValueError, match='no whole safetensors file'): learner().load(tmp_path/'some.safetensors')
    assert not (tmp_path/'trap').exists()
    torch.load(tmp_path/'some.safetensors', weights_only=False)
    assert (tmp_path/'trap').exists(), 'the trap works'


def raised_by_somebody(act):
    "What `act` raises for a user who is not root, as text: root may read everything, so for root a child process becomes nobody first"
    def said():
        try: return f'nothing was raised, and {act()!r} returned'
        except Exception as e: return f'{type(e).__name__}: {e}'
    if os.geteuid(): return said()
    Image.init()  # imports what nobody may not read
    end, start = os.pipe()
    if not os.fork():
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(start, said().encode())
        finally: os._exit(0)
    os.close(start)
    os.wait()
    with os.fdopen(end) as f: return f.read()


@pytest.mark.skipif(os.name == 'nt', reason='other permissions')
def test_unreadable(digits, monkeypatch):
    with tempfile.TemporaryDirectory() as scratch:  # not below pytest's folder, which only its owner may enter
        os.chmod(scratch, 0o777)
        monkeypatch.setenv('FASTAI_HOME', scratch + '/home')
        place = Place(Path(scratch), digits)
        path, archive = place.set(), place.archive()
        for target, act, says in ((path/'train'/'3'/'0.png', lambda: load_split(path), r'ValueError: .*0\.png is not a whole picture \(.*Permission denied'),
                                  (path/'train'/'3', lambda: load_split(path), r'PermissionError: .*train/3 may not be read\. .*chmod'),
                                  (archive, lambda: unpack(archive), r'PermissionError: .*set\.tgz may not be read\. .*chmod')):
            before = target.stat().st_mode
            target.chmod(0)
            said = raised_by_somebody(act)
            assert re.match(says, said), said
            target.chmod(before)
