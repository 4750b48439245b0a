"""tools/compare.py, course.py and record.py on small notebooks."""
from base64 import b64encode
from io import BytesIO

import course
import nbformat
import pytest
import record
from compare import compare
from nbformat import v4
from PIL import Image, ImageDraw



def page(*outputs, source='print(result)'):
    "A notebook with one cell, and these outputs of it"
    return v4.new_notebook(cells=[v4.new_code_cell(source, id='cell', outputs=list(outputs))])


def printed(text, name='stdout'): return v4.new_output('stream', name=name, text=text)
def returned(text): return v4.new_output('execute_result', data={'text/plain': text})


def drawn(image):
    file = BytesIO()
    image.save(file, 'png')
    return v4.new_output('display_data', data={'image/png': b64encode(file.getvalue()).decode()})


def figure(left=20, title='', size=(200, 120)):
    "A curve, an axis and a title, drawn from `left`"
    image = Image.new('RGB', size, 'white')
    draw = ImageDraw.Draw(image)
    draw.line([(left, 100), (left + 60, 40), (left + 150, 20)], 'navy', 2)
    draw.line([(10, 10), (10, 110), (190, 110)], 'black')
    draw.text((60, 2), title, 'black')
    return drawn(image)


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
    source = f'#| hide\n{directive}print(result)'
    assert verdict(printed('lr 0.195, 293 steps'), printed(ran), source=source) == expected


def test_times_are_not_compared():
    outputs = printed('by hand 0.48 s, 3 runs'), figure()
    saved, timed = page(*outputs), page(*outputs, source='#| timed\nrun()')
    slower, other = (page(printed(f'{how} 12 s, 3 runs'), figure(left=60)) for how in ('by hand', 'by foot'))
    assert compare(saved, slower).verdict == 'differs'
    assert compare(timed, slower).verdict == 'within rounding'
    assert compare(timed, other).verdict == 'differs'


def test_a_pixel_is_within_rounding():
    assert verdict(figure(20), figure(21)) == 'within rounding'
    assert verdict(figure(), figure(size=(201, 120))) == 'within rounding'


@pytest.mark.parametrize('other', [dict(left=26), dict(title='69 wrong')], ids=['curve', 'title'])
def test_another_figure_differs(other):
    assert compare(page(figure()), page(figure(**other))) == ('differs', [('cell', 'figure 1', 'another picture')])


def test_another_size_differs():
    assert verdict(*(drawn(Image.new('RGB', (width, 120), 'white')) for width in (200, 202))) == 'within rounding'
    assert verdict(*(drawn(Image.new('RGB', (width, 120), 'white')) for width in (200, 203))) == 'differs'


def test_directive_gives_the_share_of_a_figure_that_may_differ():
    saved, ran = figure(title='6'), figure(title='wrong')
    assert verdict(saved, ran) == 'differs'
    assert verdict(saved, ran, source='#| tolerance 0.01\ndraw()') == 'within rounding'
    assert verdict(saved, figure(left=26), source='#| tolerance 0.01\ndraw()') == 'differs'


def test_a_missing_figure_differs():
    assert compare(page(figure()), page()) == ('differs', [('cell', 'figure 1', 'no figure')])
    assert compare(page(figure()), page(figure(), figure())) == ('differs', [('cell', 'no figure', 'figure 2')])


def test_words_of_a_diagram_are_compared():
    def diagram(label):
        return v4.new_output('execute_result', data={'image/svg+xml': f'<svg><text>{label}</text></svg>'})
    assert verdict(diagram('ReLU'), diagram('ReLU')) == 'to the byte'
    assert verdict(diagram('ReLU'), diagram('Sigmoid')) == 'differs'


def test_a_run_may_have_cells_of_its_own():
    ran = page(printed('0.5'))
    ran.cells.insert(0, v4.new_code_cell('import mnist_under_hood'))
    assert compare(page(printed('0.5')), ran).verdict == 'to the byte'


@pytest.fixture
def small(tmp_path, monkeypatch):
    "A course of two pages, one of which stops in its second cell"
    nbs, copies = tmp_path/'nbs', tmp_path/'_course'/'nbs'
    nbs.mkdir()
    for module in course, record:
        monkeypatch.setattr(module, 'nbs', nbs)
        monkeypatch.setattr(module, 'copies', copies)
    good = '01_good', 'open("left", "w").close(); 1/2', 'nbdev_export = print; nbdev_export()'
    bad = '02_bad', 'x = 0', '1/x', 'x'
    for name, *sources in good, bad:
        cells = [v4.new_code_cell(source, id=f'cell-{i}') for i, source in enumerate(sources, 1)]
        if name == '01_good': cells[0].outputs = [returned('0.5001')]
        nbformat.write(v4.new_notebook(cells=cells), nbs/f'{name}.ipynb')
    return nbs, copies


def run(capsys, mark='mark', comparable=True):
    pages = course.chosen([])
    stopped = course.run_all(pages, dict.fromkeys(pages, mark))
    course.report(pages, stopped, comparable)
    return stopped, capsys.readouterr().out


def test_a_page_that_stops_is_reported_and_the_others_go_on(small, capsys):
    nbs, copies = small
    before = {o.name: o.read_bytes() for o in nbs.iterdir()}
    stopped, out = run(capsys)
    assert [o.stem for o in stopped] == ['02_bad']
    why = '02_bad   stopped in cell cell-2\n      1/x\n      ZeroDivisionError: division by zero\n'
    assert f'01_good  within rounding\n{why}' in out
    assert {o.name: o.read_bytes() for o in nbs.iterdir()} == before
    assert (copies/'left').exists(), 'pages run beside their copies'


def test_the_second_run_goes_on_where_the_first_stopped(small, capsys):
    nbs, copies = small
    run(capsys)
    (copies/'left').unlink()
    stopped, out = run(capsys)
    assert out.startswith('1 of 2 pages ran before') and not (copies/'left').exists() and len(stopped) == 1
    run(capsys, mark='other data')
    assert (copies/'left').exists()


def test_other_pictures_are_not_compared(small, capsys):
    out = run(capsys, comparable=False)[1]
    assert '01_good  ran\n' in out and "not MNIST_SAMPLE's" in out


def test_a_fingerprint_changes_with_the_code_alone(small):
    nbs, _ = small
    page, = [o for o in course.chosen([]) if o.stem == '01_good']
    def after(change):
        nb = course.read(nbs/page)
        change(nb.cells)
        nbformat.write(nb, nbs/page)
        return course.fingerprint(page, 'data')
    before = course.fingerprint(page, 'data')
    assert after(lambda cells: cells.insert(0, v4.new_markdown_cell('# Prose'))) == before
    assert after(lambda cells: cells[1].update(source='#| tolerance 0.02\n' + cells[1].source)) == before
    assert course.fingerprint(page, 'other data') != before
    assert after(lambda cells: cells[1].update(source='print(1)')) != before


def test_record_keeps_the_outputs(small, capsys):
    nbs, copies = small
    run(capsys)
    good, bad = sorted(course.chosen([]))
    record.keep(good)
    first, last = course.read(nbs/good).cells
    output, = first.outputs
    assert (output.data['text/plain'], output.execution_count, last.outputs) == ('0.5', None, [])
    kept = (nbs/good).stat().st_mtime_ns
    record.keep(good)
    assert (nbs/good).stat().st_mtime_ns == kept, 'a page whose outputs are the same is left alone'
