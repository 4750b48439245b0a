"""Each exercise of the lessons: unanswered it says so, its solution passes, and the usual mistakes get messages of their own."""
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
predictions, functions = ([name for name, o in EXERCISES.items() if callable(o.solution) == wanted] for wanted in (False, True))
sides = {f'{name}: {message}': (name, message, mistake) for name, o in EXERCISES.items() for message, mistake in o.mistakes.items()}
folded = r'<details><summary>A hint</summary>\n\n(.+?)\n\n</details>\n\n<details><summary>A solution</summary>\n\n```python\n(.+?)\n```\n\n</details>'


def test_lessons_and_module_have_the_same_exercises_in_the_same_order(): assert list(found) == list(EXERCISES)


@pytest.mark.parametrize('lesson', lessons)
def test_three_to_five_in_a_lesson_and_both_kinds(lesson):
    names = [name for name, o in found.items() if o.lesson == lesson]
    assert 3 <= len(names) <= 5
    assert set(names) & set(predictions) and set(names) & set(functions)
    assert [int(re.search(r'^\*\*(\d)\.\*\* ', found[name].task, re.M)[1]) for name in names] == list(range(1, len(names) + 1))


@pytest.mark.parametrize('name', found)
def test_stub_waits_and_solution_passes(name):
    stub, call = found[name].cell.source.rsplit('\n', 1)
    names = {'torch': torch, 'math': math, 'check': check}
    exec(stub, names)
    assert not eval(call, names) and eval(call, names).message.startswith('Not answered yet')
    assert found[name].cell.outputs[0].data['text/plain'] == eval(call, names).message, 'the saved output is out of date'
    solution = re.fullmatch(folded, found[name].help, re.S)[2]
    assert solution.startswith(stub.removesuffix(' ...')), 'the solution fills in what the stub names'
    exec(solution, names)
    assert eval(call, names) == (True, 'Right.')


@pytest.mark.parametrize('name', sorted({*predictions} - {'which bug'}))  # that one asks about a table, and there is nothing to run
def test_prediction_is_what_is_printed(name):
    code = re.search(r'```python\n(.+?)\n```', found[name].task, re.S)
    with contextlib.redirect_stdout(io.StringIO()) as printed: exec(code[1], {'torch': torch})
    assert check(name, eval(printed.getvalue(), {'torch': torch}))


@pytest.mark.parametrize('side', sides)
def test_mistakes_have_messages_of_their_own(side):
    name, message, mistake = sides[side]
    assert check(name, mistake) == (False, f'Not yet: {message}')


@pytest.mark.parametrize('name', EXERCISES)
def test_at_least_three_mistakes(name): assert len(EXERCISES[name].mistakes) >= 3


@pytest.mark.parametrize('name', functions)
def test_crash_is_reported_as_the_learners_with_the_input(name):
    def crashes(*inputs): return inputs[0]/[]
    verdict = check(name, crashes)
    assert not verdict and verdict.message.startswith('Your function stopped with TypeError: ')
    first = EXERCISES[name].inputs(Draw())[0]
    given = verdict.message.split('It was given ')[1]
    if isinstance(first, torch.Tensor): assert str(tuple(first.shape)) in given or 'tensor(' in given
    assert 'lambda' not in given, 'readable'
    for answer, says in {(lambda: 0): '0 positional arguments', (lambda *_: [][1]): 'IndexError: list index out of range'}.items():
        assert says in check(name, answer).message


def test_numbers_lists_and_arrays_are_answers():
    mean = EXERCISES['ink'].solution
    for how in (lambda o: o.tolist(), lambda o: list(o), lambda o: o.numpy(), lambda o: o.double(), lambda o: o.flip(0).numpy()[::-1], lambda o: o.requires_grad_(), lambda o: tuple(o.tolist())):
        assert check('ink', lambda x: how(mean(x)))
    assert check('rmse', lambda a, b: mean(((a - b)**2)[None]).item()**0.5)
    for answer in (0.1, 0.1004, np.float32(0.1), np.array(0.1), torch.tensor(0.1), torch.tensor(0.1).half()): assert check('first Adam step', answer)
    for answer in ((5, 7, 28), [5, 7, 28], np.array([5, 7, 28]), torch.tensor([5, 7, 28]), torch.Size([5, 7, 28]), (5., 7, 28)): assert check('broadcast', answer)


def test_whole_numbers_are_met_exactly_and_others_to_three_digits():
    assert not check('kernels', 9473) and not check('deep parameters', lambda sizes: EXERCISES['deep parameters'].solution(sizes) + 1)
    assert check('first loss', 4.61) and not check('first loss', 4.7)
    mean = EXERCISES['ink'].solution
    assert not check('ink', lambda x: mean(x).round(decimals=2)) and check('ink', lambda x: mean(x) + 1e-6)


@pytest.mark.parametrize('answer, says', [
    (5, 'a function is wanted'), (torch.rand(6), 'a function is wanted'), ('ink', 'a function is wanted'), (None, 'a function is wanted'),
    (lambda x: print(end=''), 'return and the result'), (lambda x: 'ink', 'yours is str'), (lambda x: {1: 2}, 'yours is dict'), (lambda x: (x, 1), 'those of yours differ'),
    (lambda x: x.mean((1, 2))*float('nan'), 'nan or infinity in '), (lambda x: x.mean((1, 2), keepdim=True), 'not their shape'),
    (lambda x: 2*x.mean((1, 2)), 'is 2 times'), (lambda x: 0, 'a single number in place of numbers of shape ('), (lambda x: torch.zeros(len(x)), 'nothing but zeros'),
    (lambda x: x.mean((1, 2)) + 0.5, 'too large by 0.5'), (lambda x: x.mean((1, 2)).round(decimals=3), ' at ['), (lambda x: 1j*x, 'complex'),
    (lambda x: np.array(['a']), 'yours is ndarray'), (lambda x: x.zero_().mean((1, 2)), 'nothing but zeros')])
def test_wrong_functions_are_told_why(answer, says):
    verdict = check('ink', answer)
    assert not verdict and says in verdict.message, verdict


@pytest.mark.parametrize('name, answer, says', [
    ('broadcast', 5, '3 numbers are wanted'), ('broadcast', (5, 8, 28), 'the number at [1] is too large'), ('broadcast', '5, 7, 28', 'yours is str'), ('broadcast', lambda: 0, 'a value is wanted'),
    ('never forgotten', -0.5, 'too small'), ('never forgotten', 1.4, 'wrong sign'), ('never forgotten', -0.61, 'close'), ('never forgotten', [-0.6], 'a single number'), ('never forgotten', float('inf'), 'it is inf')])
def test_wrong_values_are_told_why_and_not_what_is_right(name, answer, says):
    verdict = check(name, answer)
    assert not verdict and says in verdict.message and str(EXERCISES[name].solution) not in verdict.message, verdict


def test_a_function_may_change_its_input_and_the_random_inputs_are_fresh():
    def in_place(w, grad, lr): return w.sub_(lr*grad)
    assert check('step', in_place)
    seen = []
    check('step', lambda w, grad, lr: seen.append(w) or w)
    assert len({tuple(o.tolist()) for o in seen}) >= 20


@pytest.mark.parametrize('name', ['inc', None, 3, check])
def test_unknown_name(name):
    with pytest.raises(ValueError, match='there is no exercise'): check(name, 1)
