"""The site in _docs/: the notebooks as nbdev processes them, through Quarto, or through tools/pages.py where Quarto can't be had.

    python tools/docs.py            the site
    python tools/docs.py --plain    without Quarto, even where it is installed"""
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import nbformat
import yaml
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs

import pages
from readme import as_markdown

root = Path(__file__).resolve().parents[1]
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
docs = root/cfg['doc_path']
term = re.compile(r'\[([^\]]*)\]\(glossary\.ipynb#\S+ "[^"]*"\)')


def quarto():
    "The program, installed into this environment if need be and if that works; else None"
    beside = Path(sys.executable).parent/'quarto'
    if found := shutil.which(beside) or shutil.which('quarto'): return found
    pip = [shutil.which('uv'), 'pip', 'install', '--python', sys.executable] if shutil.which('uv') else [sys.executable, '-m', 'pip', 'install']
    subprocess.run([*pip, '--quiet', '--no-deps', f"quarto-cli=={cfg['quarto_version']}"], capture_output=True)
    return shutil.which(beside)


def listed(processed):
    "(section, file) of every page, in the order of the sidebar"
    def walk(contents, section=None):
        for o in contents:
            if isinstance(o, str): yield section, o
            elif 'href' in o: yield section, o['href']
            else: yield from walk(o['contents'], o['section'])
    return list(walk(yaml.safe_load((processed/'sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']['contents']))


def for_language_models(processed):
    "llms.txt, and each page as Markdown without figures (llmstxt.org)"
    lines, last = [f"# {cfg['title']}\n\n> {cfg['description']}"], None
    for section, name in listed(processed):
        front, nb = pages.read(processed/name)
        if section != last: lines.append(f'\n## {section}\n')
        last, target = section, pages.address(name).replace('.html', '.md')
        nb.cells = [c for c in nb.cells if not c.source.startswith(('<!-- WARNING', '<div class="anchors">', '<script'))]
        for cell in nb.cells: cell.source = term.sub(r'\1', cell.source)
        (docs/target).write_text(f"# {front['title']}\n\n> {front.get('description', '')}\n\n{as_markdown(nb)}\n", encoding='utf-8')
        if section: lines.append(f"- [{front['title']}]({cfg['doc_host']}{cfg['doc_baseurl']}/{target}): {front.get('description', '')}")
    (docs/'llms.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def main(plain=False):
    refresh_quarto_yml()
    processed = root/proc_nbs(force=True)
    program = None if plain else quarto()
    if program:
        done = subprocess.run([program, 'render', '--to', 'html'], cwd=processed, capture_output=True, text=True)
        if done.returncode: sys.exit(done.stderr)
        shutil.rmtree(docs, ignore_errors=True)
        shutil.move(processed/docs.name, docs)
    else:
        pages.write(processed, docs, cfg, listed(processed))
        if not plain: print(f"Quarto {cfg['quarto_version']} is not here and could not be downloaded, so these are plain pages; install it from quarto.org for search and figures that open large.")
    for_language_models(processed)
    look = 'make preview' if program else f'open {docs.name}/index.html'
    print(f'{len(listed(processed))} pages in {docs.name}/: {look}')


if __name__ == '__main__': main(plain='--plain' in sys.argv[1:])
