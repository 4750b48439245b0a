"""Each exercise of the lessons: unanswered it says so, its solution passes, and the practice module knows it."""
import math
import re
from pathlib import Path

import nbformat
import pytest
import torch

from mnist_under_hood.practice import EXERCISES, check

nbs = Path(__file__).resolve().parents[1]/'nbs'
found = {}  # {name: (stub and check, folded help)}
for lesson in sorted(nbs.glob('[0-9][0-9]_*.ipynb')):
    cells = nbformat.read(lesson, as_version=4).cells
    for cell, after in zip(cells, cells[1:]):
        if cell.cell_type == 'code' and (match := re.search(r"^check\('(.+)', (\w+)\)$", cell.source, re.M)): found[match[1]] = cell, after


def test_lessons_and_module_have_the_same_exercises(): assert found.keys() == EXERCISES.keys()


@pytest.mark.parametrize('name', found)
def test_stub_waits_and_solution_passes(name):
    cell, help = found[name]
    assert cell.outputs[0].data['text/plain'].startswith('Not answered yet')
    stub, call = cell.source.rsplit('\n', 1)
    hint, solution = re.fullmatch(r'<details><summary>A hint</summary>\n\n(.+?)\n\n</details>\n\n<details><summary>A solution</summary>\n\n```python\n(.+?)\n```\n\n</details>', help.source, re.S).groups()
    assert hint and stub.split('(')[0].split(' =')[0] == solution.split('(')[0].split(' =')[0], 'the solution fills in what the stub names'
    names = {'torch': torch, 'math': math, 'check': check}
    exec(solution, names)
    assert eval(call, names) == (True, 'Right.')


@pytest.mark.parametrize('name', EXERCISES)
def test_mistakes_have_messages_of_their_own(name):
    mistakes = EXERCISES[name].mistakes
    assert len(mistakes) >= 3
    for message, mistake in mistakes.items(): assert check(name, mistake) == (False, f'Not yet: {message}')
