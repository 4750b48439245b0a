"""README.md from nbs/index.ipynb: what a reader of the page sees, with links that work from the repository's root."""
import re
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parents[1]
hidden = re.compile(r'^#\|\s*(hide|default_exp|export\b)|^! ', re.M)


def as_markdown(nb):
    "Text, code and printed output of a notebook, without its hidden cells"
    parts = []
    for cell in nb.cells:
        if cell.cell_type == 'markdown': parts.append(cell.source)
        elif cell.cell_type == 'code' and not hidden.search(cell.source):
            code = re.sub(r'^#\|.*\n', '', cell.source, flags=re.M)
            if parts and parts[-1].startswith('```python'): parts[-1] = f'{parts[-1][:-3]}\n{code}\n```'
            else: parts.append(f'```python\n{code}\n```')
            text = [o.get('text') or o.get('data', {}).get('text/plain') for o in cell.get('outputs', [])
                    if 'image/png' not in o.get('data', {})]
            parts += [f'    {t.strip()}'.replace('\n', '\n    ') for t in text if t]
    return '\n\n'.join(parts)


def readme():
    "The text of README.md"
    text = as_markdown(nbformat.read(root/'nbs'/'index.ipynb', as_version=4))
    return ('<!-- Made from nbs/index.ipynb by `make readme`: edit that. -->\n\n'
            + re.sub(r'\]\((?=[\w/]+\.(ipynb|png|svg)\))', '](nbs/', text) + '\n')


if __name__ == '__main__': (root/'README.md').write_text(readme(), encoding='utf-8')
