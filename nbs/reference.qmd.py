'''---
title: API reference
description: Every name that the package exports, with shapes, units and errors, and where it is built
toc-depth: 3
---'''
# nbdev runs this when it makes the site; what it prints is the page.
import ast
import re
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup
from tools.procs import with_formulas

config = get_config()
package = config.lib_path
pages = NbdevLookup()
site = f"{config['doc_host']}{config['doc_baseurl']}/"
notebooks = [*sorted(config.nbs_path.glob('[0-9]*.ipynb')), config.nbs_path/'handwriting.ipynb', config.nbs_path/'distributed.ipynb',
             *sorted(config.nbs_path.glob('api/*.ipynb'))]
modules = [m[1] for o in notebooks if (m := re.search(r'#\| default_exp (\w+)', o.read_text(encoding='utf-8')))]


def signature(node, lines):
    "The source of a definition down to its docstring, and the docstring"
    end = node.body[0].lineno - 1 if node.body[0].lineno > node.lineno else node.lineno
    return '\n'.join(lines[node.lineno - 1:end]), ast.get_docstring(node) or ''


def show(code, text): print(f'```python\n{code}\n```\n\n{with_formulas((pages.linkify(text) or "").replace(site, ""))}\n')


print(f'`from {package.name}.all import *` imports all of it. Comments give shapes, dtypes and ranges.\n')
for module in modules:
    source = (package/f'{module}.py').read_text(encoding='utf-8')
    lines, tree = source.splitlines(), ast.parse(source)
    exported = next(ast.literal_eval(o.value) for o in tree.body if isinstance(o, ast.Assign) and o.targets[0].id == '__all__')
    print(f'## {module}\n\n{ast.get_docstring(tree)}. `{package.name}.{module}` imports it alone.\n')
    for node in tree.body:
        names = [o.id for o in getattr(node, 'targets', ()) if isinstance(o, ast.Name)] or [getattr(node, 'name', '')]
        if names[0] not in exported: continue
        print(f'### {names[0]}\n')
        if isinstance(node, ast.Assign): show(ast.get_source_segment(source, node), '')
        else: show(*signature(node, lines))
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if not isinstance(method, ast.FunctionDef): continue
            if method.name == '__init__' or not method.name.startswith('_') and ast.get_docstring(method): show(*signature(method, lines))
