"""tools/compare.py on small notebooks: what it calls to the byte, within rounding and differs."""
import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
from nbformat import v4
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tools'))
from compare import compare


def page(*outputs, source='print(result)'):
    "A notebook with one cell, and these outputs of it"
    return v4.new_notebook(cells=[v4.new_code_cell(source, id='cell', outputs=list(outputs))])


def printed(text, name='stdout'): return v4.new_output('stream', name=name, text=text)
def returned(text): return v4.new_output('execute_result', data={'text/plain': text})


def figure(left=20, title='', size=(200, 120)):
    "A curve, an axis and a title, drawn from `left`"
    image, file = Image.new('RGB', size, 'white'), BytesIO()
    draw = ImageDraw.Draw(image)
    draw.line([(left, 100), (left + 60, 40), (left + 150, 20)], 'navy', 2)
    draw.line([(10, 10), (10, 110), (190, 110)], 'black')
    draw.text((60, 2), title, 'black')
    image.save(file, 'png')
    return v4.new_output('display_data', data={'image/png': b64encode(file.getvalue()).decode(), 'text/plain': '<Figure>'})


def verdict(saved, ran, **kw): return compare(page(saved, **kw), page(ran, **kw)).verdict


@pytest.mark.parametrize('saved, ran', [
    (returned('<Net at 0x7f01>'), returned('<Net at 0x8a55>')),
    (printed('0.9956'), printed('0.9956')),
    (printed('a bar', 'stderr'), printed('another bar', 'stderr')),
    (figure(), figure()),
], ids=['address', 'equal', 'progress bar', 'figure'])
def test_to_the_byte(saved, ran): assert verdict(saved, ran) == 'to the byte'


def test_a_stream_may_be_split():
    assert compare(page(printed('one\ntwo\n')), page(printed('one\n'), printed('two\n'))).verdict == 'to the byte'


within = [
    ('accuracy 0.9956', 'accuracy 0.9961'),
    ('resnet18  11,170,753  0.9971   6 of 2038', 'resnet18  11,170,753  0.9966   7 of 2038'),
    ('small net  0.9927   73 of 10000', 'small net  0.9920   80 of 10000'),
    ('0.98', '0.97'),
    ('from trying 1e-09, from autograd 0e+00', 'from trying 9e-10, from autograd 6e-17'),
    ('loss 10818.08', 'loss 10820.11'),
    ('-0.000', '0.000'),
    ('[0.911, 0.8]', '[0.9112, 0.7999]'),
]
beyond = [
    ('accuracy 0.9956', 'accuracy 0.9922'),
    ('accuracy 0.9956', 'precision 0.9956'),
    ('12396 pictures', '12397 pictures'),
    ('torch.Size([6131, 28, 28])', 'torch.Size([6131, 28, 29])'),
    ('11,170,753 parameters', '11,170,754 parameters'),
    ('6 of 2038', '15 of 2038'),
    ('6 of 2038', '6 of 2039'),
    ('from autograd 1e-09', 'from autograd 1e-03'),
    ('tensor(0.)', 'tensor(1.)'),
    ('a rate of 0.5', 'a rate of 0.6'),
    ('loss 0.0184', 'loss nan'),
    ('slope -3.2', 'slope 3.2'),
    ('one line', 'one line\nand another'),
]


@pytest.mark.parametrize('saved, ran', within)
def test_within_rounding(saved, ran): assert verdict(printed(saved), printed(ran)) == 'within rounding'


@pytest.mark.parametrize('saved, ran', beyond)
def test_differs(saved, ran):
    result = compare(page(printed(f'the same\n{saved}')), page(printed(f'the same\n{ran}')))
    where = (saved, ran) if '\n' not in ran else ('nothing', 'and another')
    assert result == ('differs', [('cell', *where)])


@pytest.mark.parametrize('directive, ran, expected', [
    ('', 'lr 0.21, 297 steps', 'differs'),
    ('#| tolerance 0.02\n', 'lr 0.21, 293 steps', 'within rounding'),
    ('#| tolerance 0.02\n', 'lr 0.21, 294 steps', 'differs'),
    ('#| tolerance 0.02 4\n', 'lr 0.21, 297 steps', 'within rounding'),
    ('#| tolerance 0.02 4\n', 'lr 0.21, 298 steps', 'differs'),
])
def test_directive(directive, ran, expected):
    assert verdict(printed('lr 0.195, 293 steps'), printed(ran), source=f'#| hide\n{directive}print(result)') == expected


def test_times_are_not_compared():
    saved, ran = [printed('by hand 0.48 s, 3 runs'), figure()], [printed('by hand 12 s, 3 runs'), figure(left=60)]
    assert compare(page(*saved), page(*ran)).verdict == 'differs'
    assert compare(page(*saved, source='#| timed\nrun()'), page(*ran)).verdict == 'within rounding'
    assert compare(page(*saved, source='#| timed\nrun()'), page(printed('by foot 12 s, 3 runs'), figure())).verdict == 'differs'


def test_a_pixel_is_within_rounding():
    assert verdict(figure(20), figure(21)) == 'within rounding'
    assert verdict(figure(), figure(size=(201, 120))) == 'within rounding'


@pytest.mark.parametrize('other', [dict(left=26), dict(title='69 wrong'), dict(size=(210, 120))], ids=['curve', 'title', 'size'])
def test_another_figure_differs(other):
    assert compare(page(figure()), page(figure(**other))) == ('differs', [('cell', 'figure 1', 'another picture')])


def test_directive_gives_the_share_of_a_figure_that_may_differ():
    saved, ran = figure(title='6'), figure(title='wrong')
    assert verdict(saved, ran) == 'differs'
    assert verdict(saved, ran, source='#| tolerance 0.01\ndraw()') == 'within rounding'
    assert verdict(saved, figure(left=26), source='#| tolerance 0.01\ndraw()') == 'differs'


def test_a_missing_figure_differs():
    result = compare(page(figure(), printed('done')), page(printed('done')))
    assert result.verdict == 'differs'


def test_words_of_a_diagram_are_compared():
    def diagram(label): return v4.new_output('execute_result', data={'image/svg+xml': f'<svg><text>{label}</text></svg>', 'text/plain': '<graphviz>'})
    assert verdict(diagram('ReLU'), diagram('ReLU')) == 'to the byte'
    assert verdict(diagram('ReLU'), diagram('Sigmoid')) == 'differs'


def test_a_run_may_have_cells_of_its_own():
    ran = page(printed('0.5'))
    ran.cells.insert(0, v4.new_code_cell('import mnist_under_hood'))
    assert compare(page(printed('0.5')), ran).verdict == 'to the byte'
