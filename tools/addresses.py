"""Rewrite the addresses after `user`, `repo`, `branch` or `version` changed in settings.ini: Colab badges, installs,
clones, the site's links to the repository.

On the branch they name the branch, and in a release its tag, so that a notebook in Colab and the package that it
installs are of one version."""
import re

from nbdev.config import get_config

cfg = get_config()
root = cfg.config_path
here = f'{cfg.user}/{cfg.repo}'
colab = re.compile(r'(colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+/blob/[\w.-]+/')
install = re.compile(r'(git\+https://github\.com/)[\w.-]+/[\w.-]+(@[\w.-]+)?')
link = re.compile(r'((?:href|issue-url): "https://github\.com/|https://codespaces\.new/)[\w.-]+/[\w.-]+')
clone = re.compile(r'(git clone https://github\.com/)[\w.-]+/[\w.-]+ && cd [\w.-]+')


def tag(version):
    "The tag of a release, and nothing for a version in development, such as 1.0.0.dev0"
    return '' if '.dev' in version else f'v{version}'


def current(text, version=cfg.version):
    "`text` with the addresses that follow from settings.ini"
    text = colab.sub(rf'\g<1>{here}/blob/{tag(version) or cfg.branch}/', text)
    text = install.sub(rf'\g<1>{here}' + (f'@{tag(version)}' if tag(version) else ''), text)
    text = link.sub(rf'\g<1>{here}', text)
    return clone.sub(rf'\g<1>{here} && cd {cfg.repo}', text)


def notebooks(): return sorted(o for o in cfg.nbs_path.rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)


def files(): return [*notebooks(), root/'_quarto.yml']


if __name__ == '__main__':
    for file in files():
        old = file.read_text(encoding='utf-8')
        if (new := current(old)) != old:
            file.write_text(new, encoding='utf-8')
            print(file.relative_to(root))
    from nbdev.doclinks import nbdev_export
    from nbdev.quarto import refresh_quarto_yml
    nbdev_export()  # the package's version, and its index, which names the addresses too
    refresh_quarto_yml()
