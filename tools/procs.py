"""What the site adds to nbdev's processing of a notebook (`procs` in settings.ini), for Quarto and smalldocs alike."""
import ast
import re

from functools import cache
from pathlib import Path

import nbformat
import yaml
from fastcore.basics import AttrDict
from latex2mathml.converter import convert as mathml
from nbdev.config import get_config
from nbdev.process import Processor

formula = re.compile(r'(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$(.+?)\$', re.S)
callout = re.compile(r'^> \*\*(Note|Tip|Warning|Important|Caution):\*\* ?((?:.*\n?)(?:^>.*\n?)*)', re.M)
badge = re.compile(r'\[!\[Open in Colab\]\(.*?\)\]\((.*?)\)')
# What of a page's Markdown is no prose: code, links, formulas, HTML and headings. And words in an everyday sense.
no_prose = r'```.*?```|`[^`]*`|!?\[[^\]]*\]\([^)]*\)|\$\$.*?\$\$|\$[^$]+\$|<summary>.*?</summary>|<[^>]+>|^#[^\n]*'
everyday = r'in view|shape of the stroke|Score a perfect'


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
        public = ([o for o in defined(cell.source) if '.' not in o and not o.startswith('_')]
                  if 'exports' in cell.directives_ else [])
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
        if match := badge.match(cell.source):
            self.nb.frontmatter_['code-links'] = [dict(text='Open in Colab', icon='play-circle', href=match[1])]
        cell.source = badge.sub(r'[Open in Colab](\1)', cell.source)

    def end(self):
        if 'code-links' in self.nb.frontmatter_:
            self.nb.cells[0].source = f'---\n{yaml.safe_dump(self.nb.frontmatter_)}---\n'


@cache
def glossary():
    """The entries of nbs/glossary.ipynb by their anchors: a title, the forms that stand for it in prose, the text,
    and where torch and fastai have it"""
    cells = nbformat.read(get_config().nbs_path/'glossary.ipynb', as_version=4).cells
    entries = {}
    for entry in re.split(r'^### ', '\n\n'.join(c.source for c in cells if c.cell_type == 'markdown'), flags=re.M)[1:]:
        title, text, names = re.split(r'\n{2,}', entry)[:3]
        forms = [title, *re.findall(r'\*([^*]+)\*', text)]
        entries[re.sub(r'\W+', '-', title.lower())] = AttrDict(title=title, forms=forms,
                                                               text=re.sub('[*`]', '', text), names=names)
    return entries


def plurals(word): return {word, f'{word}s', f'{word}es', re.sub('y$', 'ies', word)}


@cache
def words():
    "A pattern that finds the glossary's words in prose, and the anchor of each form"
    found = {form.lower(): anchor for anchor, entry in glossary().items() for o in entry.forms for form in plurals(o)}
    either = '|'.join(re.escape(o).replace(r'\ ', r'\s') for o in sorted(found, key=len, reverse=True))
    return re.compile(rf'({no_prose}|{everyday})|(?<![\w-])({either})(?![\w-])', re.S | re.M | re.I), found


class Terms(Processor):
    """The first use of each of the field's words in a lesson is a link to its entry in the glossary, which
    practice/terms.js shows in place"""
    def begin(self): self.lesson, self.seen = re.match(r'\d', Path(self.nb.path_).name), set()

    def cell(self, cell):
        if (not self.lesson or cell.cell_type != 'markdown' or cell.source.startswith(('---', '<!--'))
            or '· builds on' in cell.source): return
        pattern, anchors = words()
        def mark(match):
            if match[1]: return match[0]
            anchor = anchors[re.sub(r'\s', ' ', match[2].lower())]
            if anchor in self.seen: return match[0]
            self.seen.add(anchor)
            return f'[{match[0]}](glossary.ipynb#{anchor} "{glossary()[anchor].text}")'
        cell.source = pattern.sub(mark, cell.source)

    def end(self):
        if self.lesson: self.nb.cells.append(cell_of('<script type="module" src="practice/terms.js"></script>'))


class Callouts(Processor):
    "A block quote that begins with a bold word and a colon, as in `> **Note:** …`, becomes a callout"
    def cell(self, cell):
        def replace(match):
            text = re.sub('^> ?', '', match[2], flags=re.M).strip()
            return f'::: {{.callout-{match[1].lower()}}}\n{text}\n:::\n'
        if cell.cell_type == 'markdown': cell.source = callout.sub(replace, cell.source)


def with_formulas(text):
    "Markdown with its LaTeX as MathML, which browsers draw without a script"
    def replace(match):
        code, display, inline = match.groups()
        return code or mathml(display or inline, display='block' if display else 'inline')
    return formula.sub(replace, text)


class Formulas(Processor):
    "LaTeX becomes MathML"
    def cell(self, cell):
        if cell.cell_type == 'markdown': cell.source = with_formulas(cell.source)
