"""Each question of the questionnaire has a short answer, a link to where it is built, and a cell that shows it."""
import re
from pathlib import Path

import nbformat
import pytest

nbs = Path(__file__).resolve().parents[1]/'nbs'
cells = nbformat.read(nbs/'questionnaire.ipynb', as_version=4).cells
asked = {re.search(r'<summary>(.*?)</summary>', cell.source)[1]: i for i, cell in enumerate(cells)
         if 'class="question"' in cell.source}
headings = [h for c in cells if c.cell_type == 'markdown' for h in re.findall(r'^## (.*)', c.source, re.M)]


def test_there_is_a_part_for_each_lesson():
    assert [int(o.split('.')[0]) for o in headings] == [int(o.name[:2]) for o in sorted(nbs.glob('[0-9][0-9]_*.ipynb'))]
    assert len(asked) >= 37 + 8


@pytest.mark.parametrize('question', asked)
def test_question(question):
    i = asked[question]
    source, shown = cells[i].source, cells[i + 1]
    assert source.count('<details') == 1
    answer = source.split('</summary>')[1].split('</details>')[0]
    assert len(answer.split()) <= 75, 'an answer is short'
    part = [h for c in cells[:i + 1] if c.cell_type == 'markdown' for h in re.findall(r'^## (\d+)', c.source, re.M)][-1]
    assert f'({int(part):02}_' in answer, 'a link to the lesson it belongs to'
    assert shown.cell_type == 'code' and shown.source.startswith('#| hide'), 'a cell that shows it'
    assert re.search(r'^\s*(assert|test_|if .*: assert|for .*: assert)', shown.source, re.M), 'a cell that shows it'
