"""Builds the package from settings.ini, the one place for its name, version and requirements."""
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

config = ConfigParser(delimiters=['='])
config.read('settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
licenses = {'apache2': 'Apache-2.0'}

# On a package's page at PyPI the README's links to files have no repository around them.
at = cfg['branch'] if '.dev' in cfg['version'] else f"v{cfg['version']}"
readme = re.sub(r'(!\[[^\]]*\]\()(?=nbs/)', rf"\g<1>{cfg['git_url']}/raw/{at}/", Path('README.md').read_text(encoding='utf-8'))
readme = re.sub(r'\]\((?=nbs/)', f"]({cfg['git_url']}/blob/{at}/", readme)

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=readme,
    long_description_content_type='text/markdown',
    author=cfg['author'],
    author_email=cfg['author_email'],
    url=cfg['git_url'],
    project_urls={'Course': cfg['doc_host'] + cfg['doc_baseurl']},
    license=licenses[cfg['license']],
    keywords=cfg['keywords'],
    classifiers=[f"Intended Audience :: {cfg['audience']}", f"Natural Language :: {cfg['language']}",
                 'Programming Language :: Python :: 3', 'Topic :: Scientific/Engineering :: Artificial Intelligence'],
    package_dir={'': '.'},  # so an editable install puts this folder on the path, tools.procs with it
    packages=find_packages(include=[cfg['lib_path'], cfg['lib_path'] + '.*']),
    package_data={cfg['lib_path']: ['py.typed', 'answers/*/*.json', '*.safetensors']},
    python_requires='>=' + cfg['min_python'],
    install_requires=cfg['requirements'].split(),
    extras_require={name: cfg[f'{name}_requirements'].split() for name in ('course', 'bench', 'dev')},
    entry_points={'console_scripts': cfg['console_scripts'].split(),
                  'nbdev': [f"{cfg['lib_name']} = {cfg['lib_path']}._modidx:d"]},
    zip_safe=False,
)
