"""Each exercise of the lessons: unanswered it says so, its solution passes, and the usual mistakes get messages of
their own."""
import contextlib
import io
import math
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch

from mnist_under_hood.exercises import EXERCISES, Draw
from mnist_under_hood.practice import check

nbs = Path(__file__).resolve().parents[1]/'nbs'
lessons = {o.stem: nbformat.read(o, as_version=4).cells for o in sorted(nbs.glob('[0-9][0-9]_*.ipynb'))}
found = {}  # {name: its lesson, task, stub with call, and folded help}
for lesson, cells in lessons.items():
    for task, cell, help in zip(cells, cells[1:], cells[2:]):
        if cell.cell_type == 'code' and (match := re.search(r"^check\('(.+)', (\w+)\)$", cell.source, re.M)):
            assert match[1] not in found, f'{match[1]} is in two lessons'
            found[match[1]] = SimpleNamespace(lesson=lesson, task=task.source, cell=cell, help=help.source)
predictions, functions = ([name for name, o in EXERCISES.items() if callable(o.solution) == wanted]
                          for wanted in (False, True))
folded = (r'<details><summary>A hint</summary>\n\n(.+?)\n\n</details>\n\n'
          r'<details><summary>A solution</summary>\n\n```python\n(.+?)\n```\n\n</details>')


def each(names): return pytest.mark.parametrize('name', names, ids=[f'{found[o].lesson}-{o}' for o in names])


def test_lessons_and_module_have_the_same_exercises_in_the_same_order(): assert list(found) == list(EXERCISES)


@pytest.mark.parametrize('lesson', lessons)
def test_three_to_five_in_a_lesson_and_both_kinds(lesson):
    names = [name for name, o in found.items() if o.lesson == lesson]
    assert 3 <= len(names) <= 5
    assert set(names) & set(predictions) and set(names) & set(functions)
    assert [int(re.search(r'^\*\*(\d)\.\*\* ', found[name].task, re.M)[1])
            for name in names] == list(range(1, len(names) + 1))


@each(list(found))
def test_stub_waits_and_solution_passes(name):
    stub, call = found[name].cell.source.rsplit('\n', 1)
    names = {'torch': torch, 'math': math, 'check': check}
    exec(stub, names)
    assert not eval(call, names) and eval(call, names).message.startswith('Not answered yet')
    saved = found[name].cell.outputs[0].data['text/plain']
    assert saved == eval(call, names).message, 'the saved output is out of date'
    solution = re.fullmatch(folded, found[name].help, re.S)[2]
    assert solution.startswith(stub.removesuffix(' ...')), 'the solution fills in what the stub names'
    exec(solution, names)
    assert eval(call, names) == (True, 'Right.')


@each([o for o in predictions if o != 'which bug'])  # that one asks about a table, and there is nothing to run
def test_prediction_is_what_is_printed(name):
    code = re.search(r'```python\n(.+?)\n```', found[name].task, re.S)
    with contextlib.redirect_stdout(io.StringIO()) as printed: exec(code[1], {'torch': torch})
    assert check(name, eval(printed.getvalue(), {'torch': torch}))


@each(functions)
def test_crash_is_reported_as_the_learners_with_the_input(name):
    def crashes(*inputs): return inputs[0]/[]
    verdict = check(name, crashes)
    assert not verdict and verdict.message.startswith('Your function stopped with TypeError: ')
    first = EXERCISES[name].inputs(Draw())[0]
    given = verdict.message.split('It was given ')[1]
    if isinstance(first, torch.Tensor): assert str(tuple(first.shape)) in given or 'tensor(' in given
    assert 'lambda' not in given, 'readable'


def test_crash_says_what_python_said():
    assert '0 positional arguments' in check('ink', lambda: 0).message
    assert 'IndexError: list index out of range' in check('ink', lambda x: [][1]).message


as_answers = ['o.tolist()', 'list(o)', 'tuple(o.tolist())', 'o.numpy()', 'o.flip(0).numpy()[::-1]', 'o.double()',
              'o.requires_grad_()']


@pytest.mark.parametrize('how', as_answers)
def test_lists_arrays_and_tensors_are_answers(how):
    assert check('ink', lambda x: eval(how, {'o': EXERCISES['ink'].solution(x)}))


@pytest.mark.parametrize('name, answer', [
    *[('first Adam step', o) for o in (0.1, 0.1004, np.float32(0.1), np.array(0.1), torch.tensor(0.1),
                                       torch.tensor(0.1).half())],
    *[('broadcast', kind([5, 7, 28])) for kind in (tuple, list, np.array, torch.tensor, torch.Size)],
    ('broadcast', (5., 7, 28)),
    ('rmse', lambda a, b: ((a - b)**2).mean().item()**0.5)])
def test_numbers_are_answers_in_any_form(name, answer): assert check(name, answer)


def test_whole_numbers_are_met_exactly_and_others_to_three_digits():
    assert not check('kernels', 9473) and not check('deep parameters',
                                                    lambda sizes: EXERCISES['deep parameters'].solution(sizes) + 1)
    assert check('first loss', 4.61) and not check('first loss', 4.7)
    mean = EXERCISES['ink'].solution
    assert not check('ink', lambda x: mean(x).round(decimals=2)) and check('ink', lambda x: mean(x) + 1e-6)


@pytest.mark.parametrize('answer', [5, torch.rand(6), 'ink', None], ids=str)
def test_a_function_is_wanted(answer):
    verdict = check('ink', answer)
    assert not verdict and 'a function is wanted' in verdict.message


@pytest.mark.parametrize('returned, says', [
    ('print(end="")', 'return and the result'), ('"ink"', 'yours is str'), ('{1: 2}', 'yours is dict'),
    ('(x, 1)', 'those of yours differ'),
    ('x.mean((1, 2))*float("nan")', 'nan or infinity in '), ('x.mean((1, 2), keepdim=True)', 'not their shape'),
    ('2*x.mean((1, 2))', 'is 2 times'), ('0', 'a single number in place of numbers of shape ('), ('1j*x', 'complex'),
    ('torch.zeros(len(x))', 'nothing but zeros'), ('x.zero_().mean((1, 2))', 'nothing but zeros'),
    ('np.array(["a"])', 'yours is ndarray'),
    ('x.mean((1, 2)) + 0.5', 'too large by 0.5'), ('x.mean((1, 2)).round(decimals=3)', ' at [')])
def test_wrong_functions_are_told_why(returned, says):
    verdict = check('ink', eval(f'lambda x: {returned}'))
    assert not verdict and says in verdict.message, verdict


@pytest.mark.parametrize('name, answer, says', [
    ('broadcast', 5, '3 numbers are wanted'), ('broadcast', (5, 8, 28), 'the number at [1] is too large'),
    ('broadcast', '5, 7, 28', 'yours is str'), ('broadcast', print, 'a value is wanted'),
    ('never forgotten', -0.5, 'too small'), ('never forgotten', 1.4, 'wrong sign'), ('never forgotten', -0.61, 'close'),
    ('never forgotten', [-0.6], 'a single number'), ('never forgotten', float('inf'), 'it is inf')])
def test_wrong_values_are_told_why_and_not_what_is_right(name, answer, says):
    verdict = check(name, answer)
    assert not verdict and says in verdict.message and str(EXERCISES[name].solution) not in verdict.message, verdict


def test_a_function_may_change_its_input_and_the_random_inputs_are_fresh():
    def in_place(w, grad, lr, wd): return w.mul_(1 - lr*wd).sub_(lr*grad)
    assert check('decay step', in_place)
    seen = []
    check('decay step', lambda w, grad, lr, wd: seen.append(w) or w)
    assert len({tuple(o.tolist()) for o in seen}) >= 20


@pytest.mark.parametrize('name', ['inc', None, 3, check])
def test_unknown_name(name):
    with pytest.raises(ValueError, match='there is no exercise'): check(name, 1)
