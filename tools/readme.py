"""README.md from nbs/index.ipynb: what a reader of the page sees, with links that work from the repository's root."""
import re
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parents[1]
hidden = re.compile(r'^#\|\s*(hide|default_exp|export)', re.M)


def readme():
    "The text of README.md"
    nb = nbformat.read(root/'nbs'/'index.ipynb', as_version=4)
    parts = ['<!-- Made from nbs/index.ipynb by `make readme`: edit that. -->']
    for cell in nb.cells:
        if cell.cell_type == 'markdown': parts.append(cell.source)
        elif not hidden.search(cell.source):
            if parts[-1].startswith('```python'): parts[-1] = parts[-1][:-3] + '\n' + cell.source + '\n```'
            else: parts.append(f'```python\n{cell.source}\n```')
            text = [o.get('text') or o.get('data', {}).get('text/plain') for o in cell.get('outputs', [])]
            parts += [f'    {t.strip()}'.replace('\n', '\n    ') for t in text if t]
    return re.sub(r'\]\((?=[\w/]+\.(ipynb|png|svg)\))', '](nbs/', '\n\n'.join(parts)) + '\n'


if __name__ == '__main__': (root/'README.md').write_text(readme(), encoding='utf-8')
