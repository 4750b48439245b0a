"""The site in _docs/: the notebooks as nbdev processes them, through Quarto, or smalldocs where Quarto can't be had.

    python tools/docs.py            the site
    python tools/docs.py --plain    without Quarto, even where it is installed"""
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import yaml
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs

from readme import as_markdown

root = Path(__file__).resolve().parents[1]
cfg = get_config()
docs, site = cfg.doc_path, cfg.doc_host + cfg.doc_baseurl
number = r'(?<![\w.-])\d\d_(\w+\.html)'  # nbdev's pages have no numbers


def quarto():
    "The program, installed into this environment if need be and if that works; else None"
    beside = Path(sys.executable).parent/'quarto'
    if found := shutil.which(beside) or shutil.which('quarto'): return found
    uv = shutil.which('uv')
    pip = [uv, 'pip', 'install', '--python', sys.executable] if uv else [sys.executable, '-m', 'pip', 'install']
    subprocess.run([*pip, '--quiet', '--no-deps', f"quarto-cli=={cfg.quarto_version}"], capture_output=True)
    return shutil.which(beside)


def without_numbers(folder):
    "Name the pages in `folder` as Quarto does, which reads nbdev's `output-file`: 01_data.html becomes data.html"
    for file in [*folder.rglob('*.html'), folder/'search.json', folder/'sitemap.xml']:
        text = re.sub(number, r'\1', file.read_text(encoding='utf-8'))
        file.rename(file.with_name(re.sub(number, r'\1', file.name))).write_text(text, encoding='utf-8')


def listed(processed):
    "(section, file) of every page, in the order of the sidebar"
    def walk(contents, section=None):
        for o in contents:
            if isinstance(o, str): yield section, o
            elif 'href' in o: yield section, o['href']
            else: yield from walk(o['contents'], o['section'])
    sidebar = yaml.safe_load((processed/'sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']
    return list(walk(sidebar['contents']))


def for_language_models(processed):
    "llms.txt, and each page as Markdown without figures (llmstxt.org)"
    lines, last = [f'# {cfg.title}\n\n> {cfg.description}'], None
    for section, name in listed(processed):
        if name.endswith('.ipynb'):
            text = as_markdown(nbformat.read(cfg.nbs_path/name, as_version=4))
            text = re.sub(r'\[!(\[Open in Colab\])\(.*?\)\]', r'\1', text)
        else:
            text = (processed/name).read_text(encoding='utf-8')
            text = re.sub(r'---\ntitle: (.*)\ndescription: (.*)\n(?:.*\n)*?---', r'# \1\n\n> \2', text, count=1)
        text = re.sub(r'(\]\([\w/.]*?)(?:\d\d_)?([a-z]\w*)\.(?:ipynb|html)\b', r'\1\2.md', text)
        title, description = re.match(r'# (.*)\n+> (.*)', text).groups()
        if section != last: lines.append(f'\n## {section}\n')
        last, target = section, re.sub(r'^(.*/)?(?:\d\d_)?(\w+)\.\w+$', r'\1\2.md', name)
        (docs/target).write_text(text, encoding='utf-8')
        if section: lines.append(f"- [{title}]({site}/{target}): {description}")
    (docs/'llms.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def main(plain=False):
    program = None if plain else quarto()
    if not (program or find_spec('smalldocs')):
        sys.exit('The pages are made by Quarto, or by smalldocs where Quarto can\'t be downloaded, and smalldocs '
                 'needs Python 3.11 or newer.\n'
                 'Install Quarto yourself (https://quarto.org), or take a newer Python: '
                 'rm -r .venv; make site PYTHON=python3.12')
    refresh_quarto_yml()
    processed = root/proc_nbs(force=True)
    render = [program, 'render', '--to', 'html'] if program else [sys.executable, '-m', 'smalldocs.cli', 'render']
    done = subprocess.run(render, cwd=processed, capture_output=True, text=True)
    if done.returncode: sys.exit(done.stderr)
    if not program: without_numbers(processed/docs.name)
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(processed/docs.name, docs)
    for_language_models(processed)
    if not (program or plain):
        print(f'Quarto {cfg.quarto_version} could not be downloaded, so smalldocs made the pages.')
    look = 'make preview' if program else f'python -m http.server -d {docs.name}'
    print(f'{len(listed(processed))} pages in {docs.name}/: {look}')


if __name__ == '__main__': main(plain='--plain' in sys.argv[1:])
