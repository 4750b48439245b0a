"""A browsable site in _docs/ without Quarto: the notebooks as nbdev processes them, through nbconvert, in the order of the sidebar.

For a class with no network and for looking at a page while writing it. The published site is Quarto's, from the same sources."""
import re
import shutil
from configparser import ConfigParser
from html import escape
from pathlib import Path

import nbformat
import yaml
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbdev.serve import proc_nbs
from pygments.formatters import HtmlFormatter

root = Path(__file__).resolve().parents[1]
directive = re.compile(r'^#\|.*\n?', re.M)
badge = re.compile(r'\[!\[(Open in Colab)\]\(.*?\)\]')  # its image is on another host
formula = re.compile(r'(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$(.+?)\$', re.S)

layout = '''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><meta name="description" content="{description}">
<link rel="stylesheet" href="{up}styles.css"><link rel="stylesheet" href="{up}code.css"></head>
<body class="plain">
<header><a href="{up}index.html">{site}</a><a class="narrow" href="#pages">Pages</a></header>
<div class="columns">
<nav id="pages" aria-label="Pages">{sidebar}</nav>
<main class="content"><h1>{title}</h1><p class="description">{description}</p>{body}
<footer class="turn">{before}{after}</footer></main>
</div></body></html>'''


def address(notebook):
    "Where a notebook's page stands: without its number, as nbdev has it"
    return re.sub(r'(^|/)\d+[a-z]?_', r'\1', notebook).replace('.ipynb', '.html')


def pages(contents, section=None):
    "(section, notebook) in the order of the sidebar"
    for o in contents:
        if isinstance(o, str): yield section, o
        else: yield from pages(o['contents'], o['section'])


def with_formulas(text):
    "Markdown with its LaTeX as MathML"
    def replace(match):
        code, display, inline = match.groups()
        return code or mathml(display or inline, display='block' if display else 'inline')
    return formula.sub(replace, text)


def body(nb, site, up):
    "The cells of a processed notebook as HTML; links to pages of `site` become links to the pages here"
    cells = []
    for cell in nb.cells:
        if cell.cell_type == 'raw' or cell.source.startswith('<!-- WARNING'): continue
        if cell.cell_type == 'markdown': 
            text = badge.sub(r'[\1]', with_formulas(cell.source))
            cell.source = re.sub(r'\]\(([\w/]+\.ipynb)', lambda m: f']({address(m[1])}', text)
        else:
            if alt := re.search(r'^#\| fig-alt: (.*)', cell.source, re.M): cell.metadata['alt'] = alt[1]
            if re.search(r'^#\| echo: false', cell.source, re.M): cell.transient = {'remove_source': True}
            cell.source = directive.sub('', cell.source)
        cells.append(cell)
    nb.cells = cells
    drawn = iter([c.metadata.get('alt', '') for c in cells if c.cell_type == 'code' for o in c.outputs if 'image/svg+xml' in o.get('data', {})])
    html = HTMLExporter(template_name='basic', exclude_input_prompt=True, exclude_output_prompt=True).from_notebook_node(nb)[0]
    html = html.replace('<div class="highlight', '<div tabindex="0" class="highlight').replace('<math display="block"', '<math tabindex="0" display="block"')  # what scrolls must be reachable by keyboard
    html = re.sub(rf'{re.escape(site)}/([\w/]+\.html)(#\w+)?', rf'{up}\1', html)
    return re.sub(r'<img alt="[^"]*"(?= src="data:image/svg)', lambda m: f'<img alt="{escape(next(drawn))}"', html)


def sidebar(listed, titles, here, up):
    "The list of pages as HTML"
    html, last = [], None
    for section, notebook in listed:
        if section != last: html.append(f'<p class="section">{escape(section)}</p>')
        last, current = section, ' aria-current="page"' if notebook == here else ''
        html.append(f'<a href="{up}{address(notebook)}"{current}>{escape(titles[notebook])}</a>')
    return '\n'.join(html)


def main():
    config = ConfigParser(delimiters=['='])
    config.read(root/'settings.ini', encoding='utf-8')
    cfg = config['DEFAULT']
    processed, docs = root/proc_nbs(), root/cfg['doc_path']
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir()
    listed = list(pages(yaml.safe_load((root/'nbs'/'sidebar.yml').read_text())['website']['sidebar']['contents']))
    notebooks = {o: nbformat.read(processed/o, as_version=4) for _, o in listed}
    front = {o: yaml.safe_load(nb.cells[0].source.strip().strip('-')) for o, nb in notebooks.items()}
    titles = {o: f['title'] for o, f in front.items()}
    for i, (section, name) in enumerate(listed):
        up = '../'*name.count('/')
        def turn(j, label): return f'<a href="{up}{address(listed[j][1])}">{label} {escape(titles[listed[j][1]])}</a>' if 0 <= j < len(listed) else '<span></span>'
        file = docs/address(name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(layout.format(title=escape(titles[name]), description=escape(front[name].get('description', '')), up=up,
                                      site=cfg['title'], sidebar=sidebar(listed, titles, name, up), body=body(notebooks[name], cfg['doc_host'] + cfg['doc_baseurl'], up),
                                      before=turn(i - 1, '←'), after=turn(i + 1, '→')), encoding='utf-8')
    shutil.copy(root/'nbs'/'styles.css', docs)
    light, dark = (HtmlFormatter(style=style).get_style_defs('.highlight') for style in ('default', 'github-dark'))
    (docs/'code.css').write_text(f'{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n.highlight {{ background: none }}')
    print(f'{len(listed)} pages in {docs.name}/: open {docs.name}/index.html')


if __name__ == '__main__': main()
