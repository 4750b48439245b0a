"""Bad input, in tables: what it is, and the sentence that it ends in, which names what was wrong and what would
work. Where it looks bad and is not, what comes of it. Afterwards nothing half-written may lie about, and nothing
may have left the folder of its archive."""
import contextlib
import io
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from mnist_under_hood.backprop import MnistLoss
from mnist_under_hood.cli import mnist_ladder, mnist_predict
from mnist_under_hood.data import load_split, read_images
from mnist_under_hood.distributed import Checkpoint
from mnist_under_hood.files import MNIST_SAMPLE, count_images, mnist_sample, open_image, unpack_archive
from mnist_under_hood.handwriting import prepare_image
from mnist_under_hood.learner import (Callback, CancelBatchException, CancelTrainException, DataLoaders, Learner,
                                      OneCycle)
from mnist_under_hood.linear import DataLoader, batch_accuracy, linear1, mnist_loss
from mnist_under_hood.multiclass import calibration, confusion_matrix, cross_entropy, fit_temperature, top1_accuracy
from mnist_under_hood.nets import bce_loss, simple_net
from mnist_under_hood.optim import Momentum
from mnist_under_hood.rungs import as_rung, train_rung
from mnist_under_hood.similarity import accuracy, is_3, l1_distance, rmse_distance
from mnist_under_hood.weights import read_tensors, write_tensors

pytestmark = pytest.mark.filterwarnings('error')
nan, inf, tensor, ones = float('nan'), float('inf'), torch.tensor, torch.ones
links = pytest.mark.skipif(os.name == 'nt', reason='making a link wants rights there')


def table(names, rows): return pytest.mark.parametrize(names, [*rows.values()], ids=[*rows])


@contextlib.contextmanager
def refused(error, says):
    with pytest.raises(error) as said: yield
    assert type(said.value) is error and re.search(says, str(said.value), re.S), said.value


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    "An empty folder, and afterwards no trace of an interrupted write, or of a file that left its archive's folder"
    monkeypatch.setenv('FASTAI_HOME', str(tmp_path/'home'))
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(tmp_path/'nowhere'))
    (tmp_path/'place').mkdir()
    yield tmp_path/'place'
    assert not [o for o in tmp_path.rglob('*') if '-part-' in o.name]
    assert not [o for o in tmp_path.rglob('escaped') if not any(p.parent.name == 'unpacked' for p in o.parents)]


def make_set(folder, of_train={'3': 4, '7': 4}):
    "A data folder with so many pictures of each class in train, and four of each in valid"
    for split, counts in zip(MNIST_SAMPLE.splits, (of_train, {'3': 4, '7': 4})):
        for c, n in counts.items():
            (folder/split/c).mkdir(parents=True)
            for i in range(n): Image.new('L', (28, 28), 20*i + len(c)).save(folder/split/c/f'{i}.png')
    return folder


def written(file, content):
    "`file`, with these bytes, or with this picture in the format of its suffix"
    if isinstance(content, bytes): file.write_bytes(content)
    else: content.save(file)
    return file


def png(width, height):
    "A PNG that claims this size and has no pixels"
    def chunk(name, content):
        return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b''))


def in_memory(save, *args, **options):
    "The bytes that `save(..., file)` writes"
    file = io.BytesIO()
    save(*args, file, **options)
    return file.getvalue()


seven = Image.new('L', (60, 80))
seven.paste(255, (15, 10, 45, 16))
seven.paste(255, (38, 10, 45, 70))
grey, black = Image.new('L', (28, 28), 51), Image.new('L', (28, 28), 255)
good, pickled = in_memory(seven.resize((28, 28)).save, format='png'), in_memory(torch.save, {'done': 1})
paper = Image.new('L', (40, 40), 255)


# The data folder

@pytest.mark.parametrize('split', ['missing', 'a-file', pytest.param('a-loop', marks=links)])
def test_no_split(place, split):
    make_set(place)
    if split == 'a-file': written(place/split, b'')
    if split == 'a-loop': (place/split).symlink_to(place/split)
    with refused(FileNotFoundError, rf'there is no folder .*{split}\. Does path name a data set'):
        load_split(place, split)


def test_no_data_folder(place):
    with refused(FileNotFoundError, r'no folder .*nowhere.train\. Does path name'): load_split(place/'nowhere')


@table('of_train, classes, says', {
    'an empty class': ({'3': 0, '7': 4}, ('7', '3'), r'train.3 is empty: class 3 has no pictures\. Put them back'),
    'a class is missing': ({'7': 4}, ('7', '3'), r"has the class folders \['7'\], and classes asks for \['3', '7'\]"),
    'a class too many': ({'3': 4, '7': 4, '8': 0}, ('7', '3'),
                         r"class folders \['3', '7', '8'\], and classes asks for \['3', '7'\]"),
    'classes with other names': ({'three': 4, '7': 4}, ('7', '3'), r"class folders \['7', 'three'\], and classes asks"),
    'classes by number': ({'3': 4, '7': 4}, (7, 3), r'class folders \[.*classes asks for \[3, 7\]')})
def test_classes(place, of_train, classes, says):
    with refused(ValueError, says): load_split(make_set(place, of_train), classes=classes)


def test_classes_with_other_names_are_loaded_by_name(place):
    assert load_split(make_set(place, {'three': 4, '7': 4}), classes=('7', 'three'))[1].sum() == 4


@pytest.mark.parametrize('name', ['.DS_Store', '._0.png', 'Thumbs.db', 'desktop.ini', 'Desktop.ini', '0.png~',
                                  'Icon\r'])
def test_what_systems_and_editors_leave_is_nobodys_picture(place, name):
    written(make_set(place)/'train'/'3'/name, b'')
    assert load_split(place)[0].shape == (8, 28, 28)
    assert count_images(place, MNIST_SAMPLE.splits) == {'3': (4, 4), '7': (4, 4)}


@pytest.mark.parametrize('name', ['__MACOSX', '.ipynb_checkpoints'])
def test_what_systems_leave_is_no_class(place, name):
    (make_set(place)/'train'/name).mkdir()
    assert load_split(place)[0].shape == (8, 28, 28)
    assert list(count_images(place, MNIST_SAMPLE.splits)) == ['3', '7']


def test_other_files_are_not_passed_over(place):
    written(make_set(place)/'train'/'3'/'labels.csv', b'0.png,3')
    with refused(ValueError, r'labels\.csv is not a whole picture \(it is not of a kind that Pillow'): load_split(place)


# One picture of it

whole = r'0\.png is not a whole picture \(.+\)\. \w+'
size = r'0\.png is .*wanted is 28×28 in mode L \(8-bit grey\)\. Image\.open'
@table('content, says', {
    'no bytes': (b'', whole), 'text': (b'a seven', whole), 'truncated': (good[:-30], whole),
    'a changed byte': (good[:60] + b'????' + good[64:], whole),
    'a gigapixel': (png(40000, 30000), r'0\.png is not a whole picture \(.*1200000000 pixels'),
    'a photo from a phone': (b'\0\0\0\x18ftypheic' + bytes(99),
                             r'not a whole picture \(it is a HEIC.*Convert it to JPEG'),
    'a PDF': (b'%PDF-1.7 \n', r'it is a PDF\)\. Save the page as a picture: PNG, JPEG'),
    '16 bits': (Image.fromarray(np.zeros((28, 28), np.uint16)), size), 'RGBA': (Image.new('RGBA', (28, 28)), size),
    'a palette': (Image.new('P', (28, 28)), size), 'black and white': (Image.new('1', (28, 28)), size),
    'another size': (Image.new('L', (32, 28)), size.replace('.*', '32×28 in mode L; '))})
def test_picture_of_the_set(place, content, says):
    written(make_set(place)/'train'/'3'/'0.png', content)
    with refused(ValueError, says): load_split(place)


@pytest.mark.parametrize('target', [None, pytest.param('0.png', marks=links),
                                    pytest.param('/nowhere.png', marks=links)])
def test_no_file_for_a_picture(place, target):
    "A folder, a link to itself, a link to nothing"
    file = make_set(place)/'train'/'3'/'0.png'
    file.unlink()
    if target: file.symlink_to(target)
    else: file.mkdir()
    with refused(ValueError, whole): load_split(place)


@table('content, value', {
    'an animation counts as its first picture': (in_memory(black.save, format='png', save_all=True,
                                                           append_images=[grey]), 1),
    'another format will do': (in_memory(grey.save, format='bmp'), 0.2)})
def test_picture_that_is_as_good(place, content, value):
    written(make_set(place)/'train'/'3'/'0.png', content)
    assert load_split(place)[0][0].flatten().tolist() == pytest.approx([value]*784)


def test_lists_of_pictures():
    with refused(ValueError, r'files is one path, .*0\.png; wanted is a list of paths'): read_images('train/3/0.png')
    assert read_images([]).shape == (0, 28, 28)


# Archives

def archive(place, *members):
    "A .tgz of a good file and `members`, each a name, or for a link or a device a name, its kind and its target"
    with tarfile.open(place/'set.tgz', 'w:gz') as tar:
        for name, kind, target in [(o, tarfile.REGTYPE, '') if isinstance(o, str) else o
                                   for o in ('good.txt', *members)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, 4*(kind == tarfile.REGTYPE)
            tar.addfile(info, io.BytesIO(b'oops'))
    return place/'set.tgz'


@table('members, says', {
    'one level up': (['../escaped'], 'escaped.*outside'), 'two levels up': (['../../escaped'], 'escaped.*outside'),
    'down and up': (['a/../../../escaped'], 'escaped.*outside'),
    'a symlink that leads outside': ([('door', tarfile.SYMTYPE, '../..'), 'door/escaped'], 'door.*outside'),
    'a symlink to an absolute path': ([('door', tarfile.SYMTYPE, '/tmp')], 'door.*absolute'),
    'a hard link that leads outside': ([('door', tarfile.LNKTYPE, '../../secret')], 'door.*outside'),
    'a device': ([('door', tarfile.CHRTYPE, '')], 'door.*special file')})
def test_archive_that_reaches_outside(place, members, says):
    with refused(ValueError, rf'set\.tgz cannot be unpacked \(.*{says}'): unpack_archive(archive(place, *members))


def test_absolute_path_in_an_archive_stays_inside(place):
    folder = unpack_archive(archive(place, str(place/'escaped')))
    assert [o.read_bytes() for o in folder.rglob('escaped')] == [b'oops'] and not (place/'escaped').exists()


@table('name, content', {'of no bytes': ('set.tgz', b''), 'that is none': ('set.zip', b'a seven'),
                         'of no known kind': ('set.rar', b'a seven')})
def test_no_archive(place, name, content):
    with refused(FileNotFoundError, rf'there is no archive .*{name}'): unpack_archive(place/name)
    with refused(ValueError, rf'{name} cannot be unpacked \(it is neither a tar nor a zip .*get it once more'):
        unpack_archive(written(place/name, content))


def packed_set(place, kind, name, beside=()):
    "A set of four pictures of each kind, packed as `name`, with more files beside it"
    make_set(place/'mine')
    for o in beside:
        (place/o).parent.mkdir(parents=True, exist_ok=True)
        (place/o).write_text('')
    return Path(shutil.make_archive(str(place.parent/'packed'), kind, place)).rename(place.parent/name)


@pytest.mark.parametrize('kind, name', [('gztar', 'SET.TGZ'), ('gztar', 'set.tar.gz'), ('zip', 'set.ZIP'),
                                        ('zip', 'set'), ('tar', 'set.tar'), ('gztar', 'set.zip')])
@pytest.mark.parametrize('beside', [[], ['__MACOSX/mine/train/._3', '__MACOSX/train/._mine', '.DS_Store']])
def test_archive_by_any_name(place, monkeypatch, kind, name, beside):
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(packed_set(place, kind, name, beside)))
    assert mnist_sample().name == 'mine' and load_split(mnist_sample())[0].shape == (8, 28, 28)


@pytest.mark.parametrize('name', ['mnist_sample.tgz', 'MNIST_SAMPLE.TGZ', 'mnist_sample.zip'])
def test_folder_with_an_archive(place, monkeypatch, name):
    folder = place.parent/'folder'
    folder.mkdir()
    packed_set(place, 'zip' if name.endswith('zip') else 'gztar', name).rename(folder/name)
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(folder))
    assert load_split(mnist_sample())[0].shape == (8, 28, 28)


def test_folder_beside_its_archive(place, monkeypatch):
    "Somebody unpacked the archive themselves, and changed a picture: the archive was read all the same"
    folder = packed_set(place, 'gztar', 'mnist_sample.tgz').parent
    make_set(folder/'mnist_sample')
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(folder))
    assert mnist_sample() == folder/'mnist_sample'


@pytest.mark.skipif(os.name == 'nt', reason='the time of change is that of making there')
def test_archive_overwritten_in_place(place):
    "With another one of the same size, and its time put back"
    read = []
    for text in b'first', b'other':
        with zipfile.ZipFile(place/'set.zip', 'w') as file: file.writestr(zipfile.ZipInfo('a.txt'), text)
        os.utime(place/'set.zip', (10**9, 10**9))
        read.append((unpack_archive(place/'set.zip')/'a.txt').read_bytes())
    assert read == [b'first', b'other']


def test_archive_damaged_in_the_middle(place):
    "lzma has an error of its own"
    with zipfile.ZipFile(place/'set.zip', 'w', zipfile.ZIP_LZMA) as file: file.writestr('a.txt', bytes(range(256)))
    whole = bytearray((place/'set.zip').read_bytes())
    whole[60:90] = b'\xff'*30
    with refused(ValueError, r'set\.zip cannot be unpacked \(Corrupt input data'):
        unpack_archive(written(place/'set.zip', bytes(whole)))


@pytest.mark.parametrize('text', ['no section', '[DEFAULT]\ndata = 100%/x', '\udcff'])
def test_config_of_fastai(place, monkeypatch, text):
    monkeypatch.delenv('MNIST_UNDER_HOOD_DATA')
    (place.parent/'home').mkdir()
    (place.parent/'home'/'config.ini').write_text(text, encoding='utf8', errors='surrogateescape')
    with refused(ValueError, r'config\.ini is damaged \(.*Delete it'): mnist_sample()


def test_folder_of_an_unknown_user(monkeypatch):
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', '~nobody-of-this-name/digits')
    with refused(FileNotFoundError, r'MNIST_UNDER_HOOD_DATA names ~nobody-of-this-name/digits, which is neither'):
        mnist_sample()


@table('limit, says', {'bytes': ({'bytes': 3000, 'files': 99}, 'it unpacks to more than 3,000 bytes'),
                       'files': ({'bytes': 10**9, 'files': 9}, 'it holds more than 9 files')})
@pytest.mark.parametrize('kind', ['gztar', 'zip'])
def test_archive_that_unpacks_to_too_much(place, monkeypatch, kind, limit, says):
    written(place/'zeros', bytes(9999))
    file = packed_set(place, kind, 'bomb')
    monkeypatch.setattr('mnist_under_hood.files._MOST', limit)
    with refused(ValueError, rf'archive .*bomb cannot be unpacked \({says}'): unpack_archive(file)


@pytest.mark.skipif(os.name == 'nt', reason='other permissions')
def test_unpacked_files_can_be_read_by_those_who_may(place):
    "Not by the owner alone, as the archive says: another user shares the folder"
    with tarfile.open(place/'set.tgz', 'w:gz') as tar:
        for name, kind, mode in ('closed', tarfile.DIRTYPE, 0o700), ('closed/private.txt', tarfile.REGTYPE, 0o600):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            tar.addfile(info)
    mask = os.umask(0o022)
    try: folder = unpack_archive(place/'set.tgz')
    finally: os.umask(mask)
    modes = [oct(o.stat().st_mode)[-3:] for o in (folder, folder/'closed', folder/'closed'/'private.txt')]
    assert modes == ['755', '755', '644']


def test_archive_cut_off(place):
    with refused(ValueError, r'set\.tgz cannot be unpacked'):
        unpack_archive(written(place/'set.tgz', archive(place).read_bytes()[:-20]))


# Functions of the lessons

@table('function, arguments, says', {
    'distance of whole numbers': (l1_distance, [ones(5, 28, 28).byte(), ones(28, 28)],
                                  r'a is torch\.uint8 and b torch\.float32; wanted are floats.* a/255'),
    'distance that would broadcast': (rmse_distance, [ones(5, 28, 1), ones(28, 28)],
                                      r'a has shape \(5, 28, 1\) and b \(28, 28\); their last two'),
    'pictures in rows of 784': (is_3, [ones(5, 784), ones(28, 28), ones(28, 28)], r'a has shape \(5, 784\)'),
    'accuracy that would broadcast': (accuracy, [ones(5), ones(5, 1)],
                                      r'preds has shape \(5,\) and targets \(5, 1\)\. They must be.*unsqueeze'),
    'accuracy of scores': (accuracy, [ones(5, 1)/3, ones(5, 1).long()],
                           r'preds is torch\.float32, scores or probabilities; accuracy compares classes'),
    'accuracy of nothing': (accuracy, [ones(0, 1), ones(0, 1)],
                            r'empty, of shape \(0, 1\): there is no share of nothing'),
    'top1_accuracy that would broadcast': (top1_accuracy, [ones(5, 10), ones(5, 1)],
                                           r'preds has shape \(5,\) and targets \(5, 1\)'),
    'loss that would broadcast': (mnist_loss, [ones(5), ones(5, 1)], r'preds has shape \(5,\) and targets \(5, 1\)'),
    'binary cross-entropy that would broadcast': (bce_loss, [ones(5, 1), ones(5)],
                                                  r'preds has shape \(5, 1\) and targets \(5,\)'),
    'loss of digits for labels': (mnist_loss, [ones(2, 1), tensor([[1], [7]])],
                                  r'targets holds 7; a label is 1 for a three and 0 for a seven: \(digits == '
                                  r'3\)\.long\(\)'),
    'binary cross-entropy of digits': (bce_loss, [ones(2, 1), tensor([[3], [7]])], r'targets holds 3; a label is 1'),
    'loss by hand of NaN for a label': (MnistLoss().forward, [ones(2, 1), tensor([[1], [nan]])],
                                        r'targets holds nan; a label is 1'),
    'weights that are no column': (linear1, [ones(5, 784), ones(784), ones(1)],
                                   r'weights has shape \(784,\); pictures of shape \(5, 784\) need \(784, outputs\)'),
    'pictures and labels of two lengths': (DataLoader, [ones(5, 784), ones(4, 1)], r'x has 5 rows and y 4'),
    'an empty set': (DataLoader, [ones(0, 784), ones(0, 1)], r'x has no rows: there is nothing to load'),
    'a batch of nothing': (DataLoader, [ones(5, 784), ones(5, 1), 0], r'bs is 0; a batch has 1 row or more'),
    'a label below 0': (cross_entropy, [ones(2, 3), tensor([0, -1])],
                        r'targets is torch\.int64 of shape \(2,\), and preds has shape \(2, 3\); wanted are whole '
                        r'numbers, int64, from 0 to 2'),
    'a label too high': (cross_entropy, [ones(2, 3), tensor([0, 3])], r'from 0 to 2'),
    'labels that are floats': (cross_entropy, [ones(2, 3), tensor([0., 1.])],
                               r'targets is torch\.float32 .* wanted are whole numbers, int64'),
    'labels in a column': (cross_entropy, [ones(2, 3), tensor([[0], [1]])],
                           r'targets \(2, 1\); wanted are \(N, classes\) and \(N,\)'),
    'cross-entropy of nothing': (cross_entropy, [ones(0, 3), ones(0).long()],
                                 r'preds has shape \(0, 3\) .* N 1 or more'),
    'a class that the matrix has no row for': (confusion_matrix, [tensor([0, 1]), tensor([0, 3]), 3],
                                               r'targets is torch\.int64 of shape \(2,\), from 0 to 3; wanted are '
                                               r'whole numbers from 0 to 2'),
    'a class that it has no column for': (confusion_matrix, [tensor([-1, 1]), tensor([0, 2]), 3],
                                          r'answers .* from -1 to 1; wanted'),
    'a matrix of scores': (confusion_matrix, [tensor([0.5, 1]), tensor([0., 2])], r'answers is torch\.float32'),
    'calibration of scores': (calibration, [tensor([[3., -1.]]), tensor([0])],
                              r'probs, of shape \(1, 2\), must hold numbers from 0 to 1.*softmax'),
    'calibration of NaN': (calibration, [tensor([[nan, 0.]]), tensor([0])],
                           r'probs, of shape \(1, 2\), must hold numbers from 0 to 1'),
    'temperature of NaN': (fit_temperature, [tensor([[nan, 0.]]), tensor([0])],
                           r'scores holds numbers that are not finite'),
    'an unknown rung': (train_rung, ['linaer', None, None],
                                r"rung is 'linaer'; there are baseline, linear, relu, conv, resnet18")})
def test_arguments(function, arguments, says):
    with refused(ValueError, says): function(*arguments)


def test_arguments_that_are_as_good():
    assert confusion_matrix(tensor([]).long(), tensor([]).long(), 2).tolist() == [[0, 0], [0, 0]]
    assert [len(xb) for xb, _ in DataLoader(ones(5, 784), ones(5, 1), bs=256)] == [5], 'a batch larger than the set'


# Learner

def learner(x=None, y=None, model=None, loss_func=mnist_loss, bs=4, **options):
    if x is None: x = torch.rand(10, 784, generator=torch.Generator().manual_seed(0))
    if y is None: y = (torch.arange(len(x)) % 2)[:, None]
    torch.manual_seed(0)
    dl = DataLoader(x, y, bs)
    return Learner(DataLoaders(dl, dl), model or simple_net(), loss_func, **{'metrics': batch_accuracy, **options},
                   bar=False, device='cpu')


def holed(pixel):
    "Ten pictures, in the eighth a pixel that is no number"
    x = torch.zeros(10, 784)
    x[7, 300] = pixel
    return x


@table('x, epochs_and_rate, says', {
    'pixels of NaN': (holed(nan), [1], r'dls\.train\.x holds nan at \(7, 300\); each pixel is a number'),
    'infinite pixels': (holed(-inf), [1], r'dls\.train\.x holds -inf at \(7, 300\)'),
    'bytes': (ones(10, 784).byte(), [1],
              r'dls\.train\.x is torch\.uint8; pictures are floats in 0\.\.1, so dls\.train\.x\.float\(\)/255'),
    'a rate of 0': (None, [1, 0], r'lr is 0; a learning rate is a number above 0'),
    'a rate below 0': (None, [1, -1], r'lr is -1;'),
    'a rate of NaN': (None, [1, nan], r'lr is nan;'), 'an infinite rate': (None, [1, inf], r'lr is inf;'),
    'half an epoch': (None, [0.5], r'n_epoch is 0\.5; it is a whole number'),
    'epochs without end': (None, [inf], r'n_epoch is inf; it is a whole number')})
def test_fit(x, epochs_and_rate, says):
    with refused(ValueError, says): learner(x).fit(*epochs_and_rate)


def loader(batches, **options): return torch.utils.data.DataLoader(batches, **options)


def pairs(*parts): return list(zip(ones(10, 784), ones(10, 1), *parts))


@table('dl, says', {
    'no batches': (loader(pairs(), batch_size=99, drop_last=True), r'dls\.train has no batches'),
    'three tensors': (loader(pairs(ones(10))), r'dls\.train gives batches of Tensor, Tensor, Tensor; two tensors'),
    'words for targets': (loader(list(zip(ones(10, 784), 'a'*10))), r'dls\.train gives batches of Tensor, tuple;'),
    'bytes': (loader(list(zip(ones(10, 784).byte(), ones(10)))),
              r'dls\.train\.x is torch\.uint8; pictures are floats')})
def test_loader(dl, says):
    with refused(ValueError, says): Learner((dl, dl), simple_net(), mnist_loss, bar=False)


@table('opt_func, says', {
    'a step that wants more than gradients': (torch.optim.LBFGS, r'LBFGS\.step asks for a closure'),
    'no optimizer': (lambda params, lr: 'SGD', r"opt_func made a str, whose learning rate can't be set")})
def test_optimizer(opt_func, says):
    with refused(TypeError, says): learner(opt_func=opt_func).fit(1)


class Typo(Callback):
    def after_bach(self, learn): pass


def test_callback_that_would_never_be_called():
    says = r'Typo has a method after_bach, which is no event\. There are before_loss, after_loss, before_fit'
    with refused(ValueError, says): learner(cbs=[Typo()])
    with refused(ValueError, says): learner().fit(1, cbs=[Typo()])


def calling(event, f): return type('C', (Callback,), {event: lambda self, learn: f(learn)})()


@pytest.mark.parametrize('name', ['befor_batch', 'aftr_epoch', 'beforeBatch', 'Before_fit', 'after_pred'])
def test_methods_that_look_like_events(name):
    with refused(ValueError, f'C has a method {name}, which is no event'): learner(cbs=[calling(name, id)])


@pytest.mark.parametrize('event', ['after_epoch', 'before_batch', 'after_fit'])
def test_fit_inside_a_fit(event):
    "It went through, and the outer training ended there, without a word, its recorder emptied"
    learn = learner()
    with refused(RuntimeError, r'fit was called inside a fit of the same Learner'):
        learn.fit(2, cbs=[calling(event, lambda learn: learn.fit(1))])
    learn.fit(1)
    assert len(learn.recorder.losses) == 3, 'it can be trained further'


def test_lr_find_inside_a_fit():
    plain, asked = learner(), learner()
    plain.fit(2)
    asked.fit(2, cbs=[calling('before_train', lambda learn: learn.lr_find(plot=False))])
    assert plain.recorder.losses == asked.recorder.losses and plain.recorder.values == asked.recorder.values


def stop(cancel):
    def f(learn): raise cancel
    return f


@table('event, cancel, says', {
    'each batch': ('before_batch', CancelBatchException, r'a callback cancelled batch 0 of the search'),
    'the epoch': ('before_train', CancelTrainException, r'no batch came to an end')})
def test_lr_find_whose_batches_are_cancelled(event, cancel, says):
    with refused(ValueError, says): learner(cbs=[calling(event, stop(cancel))]).lr_find(plot=False)


def test_training_cancelled_before_all_other_callbacks():
    first = calling('before_train', stop(CancelTrainException))
    first.order = -99
    learn = learner(cbs=[first])
    learn.fit(1)
    assert (len(learn.recorder.losses), len(learn.recorder.values)) == (0, 1)


@table('options, says', {
    'a start of 0': (dict(start=0), r'start is 0 and end 100\.0; rates are above 0'),
    'an end before the start': (dict(start=1, end=0.1), r'start is 1 and end 0\.1'),
    'one batch': (dict(n=1), r'n is 1; to see where the loss falls'),
    'a rate that explodes at once': (dict(start=1e30, end=1e38), r'the loss is (nan|inf) in batch \d, .* Start lower')})
def test_lr_find(options, says):
    with refused(ValueError, says):
        learner(loss_func=lambda preds, targets: (preds - targets).square().mean()).lr_find(plot=False, **options)


def test_batch_of_one_picture():
    net = torch.nn.Sequential(torch.nn.Linear(784, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
    with refused(ValueError, r'batch norm cannot train on a batch of one picture.* drop_last'):
        learner(model=net, bs=3).fit(1)


@table('bs, epochs_and_rate, epochs, batches', {
    'a rate of a billion, and a loss that saturates': (4, [2, 1e9], 2, 6), 'no epochs': (4, [0], 0, 0),
    'a batch larger than the set': (999, [3], 3, 3)})
def test_fit_that_is_as_good(bs, epochs_and_rate, epochs, batches):
    learn = learner(bs=bs)
    learn.fit(*epochs_and_rate)
    assert (len(learn.recorder.values), len(learn.recorder.losses)) == (epochs, batches)


def test_loss_beyond_all_bounds():
    says = r'the loss became (nan|inf) in epoch \d+, batch \d+, at a learning rate of 1e\+38\. Try a lower one'
    with refused(FloatingPointError, says):
        learner(y=torch.arange(10) % 3, model=simple_net(n_out=3), loss_func=cross_entropy).fit(40, 1e38)


def test_last_step_of_an_epoch_leads_to_nan():
    "No loss of training follows it, and an accuracy does not show it"
    learn = learner(bs=10, loss_func=bce_loss)
    before = learn.predict(holed(0)[0])
    with refused(FloatingPointError, r'the validation loss became nan in epoch 0, at a learning rate of 1e\+38\. Try'):
        learn.fit(1, 1e38)
    assert learn.predict(holed(0)[0]) == before, 'the weights are those from before the epoch'


def test_model_of_nan_is_no_rung():
    learn = learner()
    for p in learn.model.parameters(): p.data.fill_(nan)
    with refused(ValueError, r'the model returns NaN'): as_rung('relu', learn)


@table('shape, says', {'one score each, in no column': ([0], r'returns scores of shape \(3,\); wanted are \(N, 1\)'),
                       'a picture each': ([1, (28, 28)], r'returns scores of shape \(3, 28, 28\)')})
def test_predict_from_scores_that_are_no_table(shape, says):
    "A softmax over the last axis went over the pictures"
    last = torch.nn.Flatten(0) if shape == [0] else torch.nn.Unflatten(*shape)
    learn = learner(model=torch.nn.Sequential(torch.nn.Linear(784, 1 if shape == [0] else 784), last))
    with refused(ValueError, says): learn.predict(torch.rand(3, 784))


def test_nothing_to_measure():
    with refused(ValueError, r'dl has no batches'): learner().validate([])


@table('x, says', {'a pixel of NaN': (holed(nan)[7], r'x holds nan at \(300,\)'),
                   'whole numbers': (ones(784).long(), r'x is torch\.int64')})
def test_predict(x, says):
    with refused(ValueError, says): learner().predict(x)


# Weights

not_whole = r'some\.safetensors is no whole safetensors file'
@table('content, says', {
    'of another shape': (save({k: v[:20] for k, v in simple_net(40).state_dict().items()}),
                         r'some\.safetensors holds weights of another model: 0\.bias is \(20,\) in the file, and '
                         r'\(30,\) in the model'),
    'of another model': (save({'weight': ones(3)}), r'holds weights of another model: 0\.bias is missing in the file'),
    'cut off': (save({'weight': ones(3)})[:-4], not_whole), 'no bytes': (b'', not_whole),
    'in a pickle': (pickled, not_whole),
    'a header of 2⁶⁴ bytes': (b'\xff'*8 + b'{}', not_whole),
    'a header of 90 MB': (struct.pack('<Q', 90_000_000) + b'{}', not_whole),
    'overlap': (struct.pack('<Q', 59) + b'{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]}}', not_whole)})
def test_weights(place, content, says):
    with refused(ValueError, says): learner().load(written(place/'some.safetensors', content))


def test_no_weights(place):
    with refused(FileNotFoundError, r'there is no file .*none\.safetensors'): learner().load(place/'none.safetensors')


def fit_on(file, n_epoch=1, lr=0.1, cbs=(), opt_func=Momentum, seed=None, **options):
    learn = learner(opt_func=opt_func, **options)
    if seed is not None: learn.dls.train.generator = torch.Generator().manual_seed(seed)
    learn.fit(n_epoch, lr, cbs=[*cbs, Checkpoint(file)])
    return file


def gentler(params, lr): return Momentum(params, lr, mom=0.5)
def other_loss(preds, targets): return 2*mnist_loss(preds, targets)


@table('content, says', {
    'weights alone': (save(simple_net().state_dict()),
                      r'some\.safetensors holds weights alone, and is no checkpoint\. Learner\.load reads it'),
    'a pickle': (pickled, not_whole), 'no bytes': (b'', not_whole)})
def test_checkpoint(place, content, says):
    with refused(ValueError, says): fit_on(written(place/'some.safetensors', content))


@table('first, then, says', {
    'of more epochs': (dict(n_epoch=2), dict(n_epoch=3),
                       r'of another training: it differs in number of epochs \(there 2, here 3\)\. Delete it'),
    'at another rate': ({}, dict(lr=0.2), r"in optimizer \(there Momentum \{'lr': 0\.1.*, here Momentum \{'lr': 0\.2"),
    'with another momentum': ({}, dict(opt_func=gentler), r"in optimizer \(there .*'mom': 0\.9.*, here .*'mom': 0\.5"),
    'on other pictures': ({}, dict(x=holed(0.5)), r'in training data \(there \w+, here \w+\), in validation data'),
    'on other labels': ({}, dict(y=torch.zeros(10, 1).long()), r'in training data'),
    'in other batches': ({}, dict(bs=5), r'in training batch size \(there 4, here 5\), in validation batch size'),
    'in another order': (dict(seed=1), dict(seed=2), r'in training order \(there .*seed 1, here .*seed 2'),
    'under another loss': ({}, dict(loss_func=other_loss), r'in loss \(there mnist_loss \w+, here other_loss \w+\)'),
    'with another metric': ({}, dict(metrics=[batch_accuracy, mnist_loss]), r'in metrics \(there batch_accuracy'),
    'on another schedule': ({}, dict(cbs=[OneCycle(0.1)]), r"in schedule \(there \[\], here \[\{'lrs'"),
    'of another shape': (dict(model=simple_net(40)), {},
                         r'holds weights of another model: 0\.bias is \(40,\) in the file, and \(30,\)')})
def test_checkpoint_of_another(place, first, then, says):
    if 'schedule' in says and not hasattr(learner(), 'hooks'): pytest.skip('fit keeps its callbacks to itself')
    file = fit_on(place/'some.safetensors', **first)
    with refused(ValueError, says): fit_on(file, **then)


@pytest.mark.parametrize('old, new', [
    ('{"account"', '{"account'), ('"done"', '"gone"'), ('"velocities"', '"speeds"'), ('"mom": 0.9', '"mom": "a"'),
    ('"tensor 1"', '"tensor 99"'),
    ('"random": {"tensor', '"random": {"tensors'), ('"lrs"', '"rates"'), ('"done": 1', '"done": "a"'),
    ('"done": 1', '"done": 1.5'), ('"losses": [', '"losses": [[1], '), ('"lrs": [', '"lrs": 3, "more": [')])
def test_checkpoint_tampered_with(place, old, new):
    tensors, metadata = read_tensors(fit_on(place/'some.safetensors'))
    assert old in metadata['state']
    write_tensors(place/'some.safetensors', tensors, {'state': metadata['state'].replace(old, new)})
    with refused(ValueError, r'some\.safetensors is no whole checkpoint \(.*Delete it to begin anew'):
        fit_on(place/'some.safetensors')


def test_checkpoint_cut_off(place):
    whole = fit_on(place/'some.safetensors').read_bytes()
    with refused(ValueError, not_whole): fit_on(written(place/'some.safetensors', whole[:-4]))


def test_weights_run_no_code(place):
    "A pickle can run a command as it is loaded; this one is not loaded"
    class Trap:
        def __reduce__(self): return os.mkdir, (str(place/'trap'),)
    torch.save({'weight': Trap()}, place/'some.safetensors')
    with refused(ValueError, not_whole): learner().load(place/'some.safetensors')
    assert not (place/'trap').exists()
    torch.load(place/'some.safetensors', weights_only=False)
    assert (place/'trap').exists(), 'the trap works'


# Pictures of your own

@table('image, error, says', {
    'a path': ('seven.png', TypeError, r'image is a str; wanted is what Image\.open\(file\) returns'),
    'an array': (np.zeros((28, 28)), TypeError, r'image is a ndarray; wanted is'),
    'no pixels': (Image.new('L', (0, 5)), ValueError, r'the picture is 0×5: it has no pixels'),
    'white paper': (Image.new('RGB', (300, 200), 'white'), ValueError, r'the picture has no ink'),
    'one pixel': (Image.new('L', (1, 1), 255), ValueError, r'no ink'),
    'pixels of NaN': (Image.fromarray(np.full((28, 28), nan, np.float32)), ValueError,
                      r'pixels that are no finite numbers'),
    'pixels of infinity': (Image.fromarray(np.diag([inf]*28).astype(np.float32)), ValueError,
                           r'pixels that are no finite numbers')})
def test_prepare_image(image, error, says):
    with refused(error, says): prepare_image(image)


@table('image', {
    'a line': Image.fromarray(np.r_[np.zeros(300), np.full(20, 255), np.zeros(300)].astype(np.uint8)[None]),
    '16 bits': Image.fromarray(np.asarray(seven).astype(np.uint16)*257),
    **{mode: seven.convert('RGB').convert(mode) for mode in ('RGBA', 'P', '1', 'CMYK', 'YCbCr', 'HSV', 'F', 'I')},
    'LAB': Image.merge('LAB', [seven]*3),
    'ten thousand specks of dust': Image.fromarray(np.kron(np.random.default_rng(0).random((200, 200)) < 0.5,
                                                           [[255, 0], [0, 0]]).astype(np.uint8))})
def test_picture_is_prepared(image):
    x = prepare_image(image)
    assert x.shape == (28, 28) and 0 <= x.min() and x.max() <= 1


def test_open_image_of_a_missing_file(place):
    with refused(ValueError, r'none\.png is not a whole picture \(there is no such file'): open_image(place/'none.png')


# The two commands

@pytest.fixture
def said(place, monkeypatch):
    """What a command writes to stdout, or, where it ends in another status than 0, to stderr; in `place`, where the
    weights of a net lie"""
    monkeypatch.chdir(place)
    written(place/'relu.safetensors', save(simple_net().state_dict()))
    written(place/'nan.safetensors', save({k: v*nan for k, v in simple_net().state_dict().items()}))
    written(place/'pickle.pt', pickled)
    written(place/'seven.png', seven)
    def said(fails, command, *args):
        out, err, status = io.StringIO(), io.StringIO(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try: status = command(args)
            except SystemExit as e: status = e.code
        assert bool(status) == fails, err.getvalue()
        return err.getvalue() if fails else out.getvalue()
    return said


@table('content, says', {
    'a missing file': (None, 'there is no such file'), 'no bytes': (b'', 'not a whole picture'),
    'half a picture': (good[:90], 'not a whole picture'),
    'a gigapixel': (png(40000, 30000), '1200000000 pixels'), 'ninety million pixels': (png(10000, 9000),
                                                                                       '90000000 pixels'),
    'white paper': (paper, 'has no ink')})
def test_mnist_predict_skips(place, said, content, says):
    if content is not None: written(place/'picture.png', content)
    err = said(True, mnist_predict, '--weights', 'relu.safetensors', 'picture.png')
    assert re.search(rf'picture\.png: skipped: .*{says}', err), err


@table('picture', {
    'ruled paper': Image.fromarray(
        np.where(np.arange(300) % 60 < 4, 120, 230).astype(np.uint8)[:, None].repeat(400, 1)),
    'noise': Image.fromarray((np.random.default_rng(0).random((300, 300)) < 0.2).astype(np.uint8)*255)})
def test_mnist_predict_says_neither(place, said, picture):
    picture.save(place/'picture.png')
    out = said(False, mnist_predict, '--weights', 'relu.safetensors', 'picture.png')
    assert out == 'picture.png: neither a 3 nor a 7\n'


def test_mnist_predict_of_an_animation(place, said):
    seven.save(place/'seven.gif', save_all=True, append_images=[seven.rotate(180)])
    assert len(said(False, mnist_predict, '--weights', 'relu.safetensors', 'seven.gif').splitlines()) == 1


@table('command, args, says', {
    'no pictures': (mnist_predict, [], 'the following arguments are required: IMAGE'),
    'a folder for a picture': (mnist_predict, ['--weights', 'relu.safetensors', '.'],
                               r'skipped: .*it is a folder\)\. Name the pictures'),
    'no such rung to predict with': (mnist_predict, ['--rung', 'linaer', 'seven.png'],
                                     r"argument --rung: invalid choice: 'linaer' \(choose from"),
    'no weights': (mnist_predict, ['--weights', 'none.safetensors', 'seven.png'],
                   r'there is no file .*none\.safetensors'),
    'a pickle': (mnist_predict, ['--weights', 'pickle.pt', 'seven.png'], r'pickle\.pt is no whole safetensors file'),
    'weights of NaN': (mnist_predict, ['--weights', 'nan.safetensors', 'seven.png'],
                       r'the weights contain NaN.*Train them anew'),
    'no such rung': (mnist_ladder, ['--rungs', 'linear,linaer'],
                     "no rung 'linaer'; there are baseline, linear, relu, conv, resnet18"),
    **{f'{n} epochs': (mnist_ladder, ['--epochs', n], '--epochs: .*(not a whole number above 0|invalid)')
       for n in ('0', '-1', '1.5', 'nan', '²')},
    'no data': (mnist_ladder, [], 'MNIST_UNDER_HOOD_DATA names .*nowhere, which is neither a data folder')})
def test_commands(said, command, args, says):
    err = said(True, command, *args)
    assert re.search(says, err, re.S), err


@table('of_train, damage, args, says', {
    'that is damaged': ({'3': 4, '7': 4}, b'', [], r'0\.png is not a whole picture'),
    'with too many classes': ({'3': 4, '7': 4, '8': 0}, good, [], r"class folders \['3', '7', '8'\], and classes asks"),
    'and a file to save in': ({'3': 4, '7': 4}, good, ['--save', 'pickle.pt'], r'--save: .*File exists.*pickle\.pt')})
def test_mnist_ladder_with_a_set(place, said, monkeypatch, of_train, damage, args, says):
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(make_set(place/'set', of_train)))
    written(place/'set'/'train'/'3'/'0.png', damage)
    err = said(True, mnist_ladder, *args)
    assert re.search(says, err, re.S), err


def test_mnist_ladder_with_an_archive_of_something_else(place, said, monkeypatch):
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(archive(place)))
    assert re.search(r'MNIST_UNDER_HOOD_DATA names .*set\.tgz, which is neither', said(True, mnist_ladder))


def test_mnist_ladder_skips_a_rung_that_cannot_be_trained(place, said, monkeypatch):
    def refuse(*args, **kwargs): raise ValueError('the last batch has one picture')
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(make_set(place/'set')))
    monkeypatch.setattr('mnist_under_hood.rungs.train_rung', refuse)
    err = said(True, mnist_ladder, '--rungs', 'conv,resnet18')
    assert re.findall('(.*): skipped: the last batch has one', err) == ['conv', 'resnet18'], err


def test_mnist_ladder_with_four_pictures_of_each(place, said, monkeypatch):
    monkeypatch.setenv('MNIST_UNDER_HOOD_DATA', str(make_set(place/'set')))
    assert said(False, mnist_ladder, '--rungs', 'baseline,linear', '--epochs', '1').count(' of 8') == 2


# Rights

def raised_by_somebody(act):
    """What `act` raises for a user who is not root, as text: root may read everything, so for root a child process
    becomes nobody first"""
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
@pytest.mark.parametrize('target, read, says', [
    ('train/3/0.png', load_split, r'ValueError: .*0\.png is not a whole picture \(it may not be read\)\. Give'),
    ('train/3', load_split, r'PermissionError: .*train/3 may not be read\. .*chmod'),
    ('set.tgz', unpack_archive, r'PermissionError: .*set\.tgz may not be read\. .*chmod')])
def test_unreadable(monkeypatch, target, read, says):
    with tempfile.TemporaryDirectory() as scratch:  # not below pytest's folder, which only its owner may enter
        os.chmod(scratch, 0o777)
        monkeypatch.setenv('FASTAI_HOME', scratch + '/home')
        archive(make_set(Path(scratch)))
        (Path(scratch)/target).chmod(0)
        said = raised_by_somebody(lambda: read(scratch if read is load_split else f'{scratch}/{target}'))
        (Path(scratch)/target).chmod(0o700)
        assert re.match(says, said), said
