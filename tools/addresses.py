"""Rewrite the addresses after `user`, `repo` or `branch` changed in settings.ini: Colab badges, installs, clones, the site's links to the repository."""
import re
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parents[1]
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
here = f"{cfg['user']}/{cfg['repo']}"
colab = re.compile(r'(colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+/blob/[\w.-]+/')
install = re.compile(r'(git\+https://github\.com/)[\w.-]+/[\w.-]+')
link = re.compile(r'((?:href|issue-url): "https://github\.com/)[\w.-]+/[\w.-]+')
clone = re.compile(r'(git clone https://github\.com/)[\w.-]+/[\w.-]+ && cd [\w.-]+')


def current(text):
    "`text` with the addresses that follow from settings.ini"
    text = colab.sub(rf"\g<1>{here}/blob/{cfg['branch']}/", text)
    text = install.sub(rf'\g<1>{here}', text)
    text = link.sub(rf'\g<1>{here}', text)
    return clone.sub(rf"\g<1>{here} && cd {cfg['repo']}", text)


def notebooks(): return sorted(o for o in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)


def files(): return [*notebooks(), root/'_quarto.yml']


if __name__ == '__main__':
    for file in files():
        old = file.read_text(encoding='utf-8')
        if (new := current(old)) != old:
            file.write_text(new, encoding='utf-8')
            print(file.relative_to(root))
    from nbdev.doclinks import nbdev_export
    from nbdev.quarto import refresh_quarto_yml
    nbdev_export()  # the package's index names the addresses too
    refresh_quarto_yml()
