"""What the site adds to nbdev's processing of a notebook (`procs` in settings.ini), for Quarto and tools/pages.py alike."""
import ast
import re

from pathlib import Path

import yaml
from fastcore.basics import AttrDict
from nbdev.config import get_config
from nbdev.process import Processor

badge = re.compile(r'\[!\[Open in Colab\]\(.*?\)\]\((.*?)\)')


def cell_of(source): return AttrDict(cell_type='markdown', metadata={}, source=source, directives_={})


def defined(source):
    "Names of the functions, classes and methods that a cell of code defines"
    for node in ast.parse(source).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)): continue
        yield node.name
        for child in getattr(node, 'body', ()) if isinstance(node, ast.ClassDef) else ():
            if isinstance(child, ast.FunctionDef): yield f'{node.name}.{child.name}'


class Anchors(Processor):
    "An address for each name, where it is built: nbdev links `name` in backticks to it"
    def end(self):
        cells = []
        for cell in self.nb.cells:
            if cell.cell_type == 'code' and 'exports' in cell.directives_:
                ids = ''.join(f'<span id="{o.lower()}"></span>' for o in defined(cell.source))
                cells.append(cell_of(f'<div class="anchors">{ids}</div>'))
            cells.append(cell)
        self.nb.cells = cells


class Fold(Processor):
    "A cell with the directive `folded` opens on a click, under the names that it exports"
    def cell(self, cell):
        if cell.cell_type != 'code' or 'folded' not in cell.directives_: return
        public = [o for o in defined(cell.source) if '.' not in o and not o.startswith('_')] if 'exports' in cell.directives_ else []
        cell.source = f"#| code-fold: true\n#| code-summary: {', '.join(public) or 'Code'}\n{cell.source}"


class LocalLinks(Processor):
    "Links to the course's own pages are relative, so that a copy on a disk or in a fork stays whole"
    def begin(self):
        cfg = get_config()
        self.site = f"{cfg['doc_host']}{cfg['doc_baseurl']}/"
        self.up = '../'*(len(Path(self.nb.path_).resolve().relative_to(cfg.nbs_path.resolve()).parts) - 1)

    def cell(self, cell):
        if cell.cell_type == 'markdown': cell.source = cell.source.replace(f']({self.site}', f']({self.up}')


class Colab(Processor):
    "The badge, whose image is on another host, becomes a line of text and a link in the margin"
    def cell(self, cell):
        if cell.cell_type != 'markdown': return
        if match := badge.match(cell.source): self.nb.frontmatter_['code-links'] = [dict(text='Open in Colab', icon='play-circle', href=match[1])]
        cell.source = badge.sub(r'[Open in Colab](\1)', cell.source)

    def end(self):
        if 'code-links' in self.nb.frontmatter_: self.nb.cells[0].source = f'---\n{yaml.safe_dump(self.nb.frontmatter_)}---\n'
