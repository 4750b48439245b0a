"""Pages without Quarto: the notebooks as nbdev processed them, through nbconvert, with the site's style sheet and palette.

For a class with no network, and for machines that can't install Quarto."""
import json
import re
import shutil
from html import escape
from urllib.parse import unquote

import nbformat
import yaml
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbformat.v4.rwbase import rejoin_lines
from pygments.formatters import HtmlFormatter

option = re.compile(r'^#\| ([\w-]+): (.*)\n?', re.M)
formula = re.compile(r'(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$(.+?)\$', re.S)
heading = re.compile(r'(<h[1-6] id=")([^"]*)"')  # Quarto's ids are in small letters, begin with one, and have no punctuation
anchor_link = re.compile(r'<a class="anchor-link".*?</a>')
printed = re.compile(r'<pre>(?!<span></span>)(.*?)</pre>', re.S)  # and not highlighted, as code is
callout = re.compile(r'<blockquote>\s*<p><strong>(Note|Tip|Warning|Important|Caution):</strong>')

layout = '''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><meta name="description" content="{description}"><link rel="icon" href="{up}images/favicon.svg">
<link rel="stylesheet" href="{up}styles.css"><link rel="stylesheet" href="{up}plain.css"></head>
<body class="plain">
<header><a href="{up}index.html">{site}</a><a class="narrow" href="#pages">Pages</a></header>
<div class="columns">
<nav id="pages" aria-label="Pages">{sidebar}</nav>
<main class="content"><h1>{title}</h1><p class="description">{description}</p>{body}
<footer class="turn">{before}{after}</footer></main>
</div></body></html>'''


def address(name):
    "Where a page stands: without its number, as nbdev has it"
    return re.sub(r'(^|/)\d+[a-z]?_', r'\1', name).replace('.ipynb', '.html').replace('.qmd', '.html')


def read(file):
    "(front matter, cells) of a processed notebook or Markdown page"
    if file.suffix == '.ipynb':
        nb = rejoin_lines(nbformat.from_dict(json.loads(file.read_text(encoding='utf-8'))))  # nbdev's own cells have no ids, which nbformat.read warns of
        front = nb.cells.pop(0).source
    else:
        _, front, text = file.read_text(encoding='utf-8').split('---\n', 2)
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    return yaml.safe_load(front.strip().strip('-')), nb


def with_formulas(text):
    "Markdown with its LaTeX as MathML"
    def replace(match):
        code, display, inline = match.groups()
        return code or mathml(display or inline, display='block' if display else 'inline')
    return formula.sub(replace, text)


def body(nb):
    "The cells as HTML; links to notebooks become links to their pages"
    folds = []
    for cell in nb.cells:
        if cell.cell_type == 'markdown':
            cell.source = re.sub(r'\]\(([\w/.]+)\.(ipynb|qmd)', lambda m: f']({address(m[1] + ".html")}', with_formulas(cell.source))
        else:
            options = {k: yaml.safe_load(v) for k, v in option.findall(cell.source)}
            cell.metadata['alt'] = options.get('fig-alt', '')
            if options.get('echo') is False: cell.metadata['transient'] = {'remove_source': True}
            cell.source = option.sub('', cell.source)
            if options.get('code-fold'): folds.append((cell.id, options.get('code-summary', 'Code')))
    nb.cells = [nbformat.from_dict({**c, 'id': c.get('id', f'page-{i}')}) for i, c in enumerate(nb.cells) if not c.source.startswith('<!-- WARNING')]
    drawn = iter([c.metadata.get('alt', '') for c in nb.cells if c.cell_type == 'code' for o in c.outputs if 'image/svg+xml' in o.get('data', {})])
    html = HTMLExporter(template_name='basic', exclude_input_prompt=True, exclude_output_prompt=True).from_notebook_node(nb)[0]
    html = html.replace('<div class="highlight', '<div tabindex="0" class="highlight').replace('<math display="block"', '<math tabindex="0" display="block"')  # what scrolls must be reachable by keyboard
    html = heading.sub(lambda m: f'{m[1]}{re.sub("^[^a-z]+|[^a-z0-9-]", "", unquote(m[2]).lower())}"', anchor_link.sub('', html))
    html = printed.sub(lambda m: f'<pre class="columns" tabindex="0">{m[1]}</pre>' if '\n' in m[1].strip() and '  ' in m[1] else m[0], html)  # as nbs/columns.lua
    html = callout.sub(r'<blockquote class="callout"><p><strong>\1</strong>', html)
    for id, summary in folds:
        start = html.index('<div tabindex="0" class="highlight', html.index(f'id="cell-id={id}"'))
        end = html.index('</pre></div>', start)
        html = f'{html[:start]}<details><summary>{escape(summary)}</summary>{html[start:end]}</pre></div></details>{html[end + 12:]}'
    return re.sub(r'<img alt="[^"]*"(?= src="data:image/svg)', lambda m: f'<img alt="{escape(next(drawn))}"', html)


def sidebar(listed, titles, here, up):
    "The list of pages as HTML"
    html, last = [], None
    for section, name in listed:
        if section != last: html.append(f'<p class="section">{escape(section)}</p>')
        last, current = section, ' aria-current="page"' if name == here else ''
        number = f'<span>{int(m[1])}</span> ' if (m := re.match(r'(\d+)_', name)) else ''
        html.append(f'<a href="{up}{address(name)}"{current}>{number}{escape(titles[name] if section else "Home")}</a>')
    return '\n'.join(html)


def palette(file, code_style):
    "The colours of light.scss or dark.scss as custom properties, and those of the code"
    colours = re.findall(r'\$(\w+): (#\w+);', file.read_text(encoding='utf-8'))
    return ':root {' + ' '.join(f'--{name}: {value};' for name, value in colours) + '}\n' + HtmlFormatter(style=code_style).get_style_defs('.highlight')


def write(processed, docs, cfg, listed):
    "Every page `listed`, from `processed` to `docs`"
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir()
    found = {name: read(processed/name) for _, name in listed}
    titles = {name: front['title'] for name, (front, _) in found.items()}
    for i, (section, name) in enumerate(listed):
        front, nb = found[name]
        up = '../'*name.count('/')
        def turn(j, label): return f'<a href="{up}{address(listed[j][1])}">{label} {escape(titles[listed[j][1]])}</a>' if 0 <= j < len(listed) else '<span></span>'
        file = docs/address(name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(layout.format(title=escape(titles[name]), description=escape(front.get('description', '')), up=up, site=cfg['title'],
                                      sidebar=sidebar(listed, titles, name, up), body=body(nb), before=turn(i - 1, '←'), after=turn(i + 1, '→')), encoding='utf-8')
    for folder in 'images', 'playground', 'practice': shutil.copytree(processed/folder, docs/folder)
    shutil.copy(processed/'styles.css', docs)
    light, dark = palette(processed/'light.scss', 'default'), palette(processed/'dark.scss', 'github-dark')
    (docs/'plain.css').write_text(f'{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none }}', encoding='utf-8')
