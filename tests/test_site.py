"""The site of tools/pages.py in a real browser: wide and narrow, light and dark, without a network."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parents[1]
chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
if not chromium: pytest.skip('no Chromium is installed, so no page is looked at: apt-get install chromium', allow_module_level=True)
axe_module = pytest.importorskip('axe_playwright_python.sync_playwright', reason='playwright and axe are development requirements')
from playwright.sync_api import sync_playwright


@pytest.fixture(scope='module')
def docs():
    "The site, made anew"
    subprocess.run([sys.executable, 'tools/pages.py'], cwd=root, check=True, capture_output=True)
    return root/'_docs'


@pytest.fixture(scope='module')
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-background-networking'])
        yield browser
        browser.close()


notebooks = sorted(str(o.relative_to(root/'nbs')) for o in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)
addresses = [re.sub(r'(^|/)\d\d_', r'\1', o).replace('.ipynb', '.html') for o in notebooks]


@pytest.mark.parametrize('width, scheme', [(1200, 'light'), (1200, 'dark'), (390, 'light'), (390, 'dark')])
@pytest.mark.parametrize('address', addresses)
def test_page(docs, browser, address, width, scheme):
    page = browser.new_page(viewport={'width': width, 'height': 844}, color_scheme=scheme)
    errors, elsewhere = [], []
    page.on('console', lambda message: errors.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: errors.append(str(error)))
    page.on('request', lambda request: None if request.url.startswith(('file:', 'data:')) else elsewhere.append(request.url))
    page.goto(f'file://{docs/address}')
    try:
        assert (errors, elsewhere) == ([], [])
        assert page.evaluate('document.documentElement.scrollWidth') <= width, 'the page scrolls sideways'
        assert page.evaluate('[...document.images].filter(o => !o.complete || !o.naturalWidth).map(o => o.src.slice(0, 80))') == []
        assert page.evaluate('[...document.images].filter(o => !o.alt || o.alt.startsWith("No description")).length') == 0, 'a figure without alt text'
        text = page.evaluate('document.body.innerText')
        assert ':::' not in text and '$$' not in text and '#|' not in text
        violations = axe_module.Axe().run(page).response['violations']
        assert [(o['id'], o['nodes'][0]['html'][:120]) for o in violations if o['impact'] in ('serious', 'critical')] == []
        if 'ARTEFACTS' in os.environ: page.screenshot(path=Path(os.environ['ARTEFACTS'])/f'{address.replace("/", "-")}-{width}-{scheme}.png', full_page=True)
    finally: page.close()


@pytest.mark.parametrize('address', addresses)
def test_links_resolve(docs, browser, address):
    page = browser.new_page()
    page.goto(f'file://{docs/address}')
    for href in page.evaluate('[...document.querySelectorAll("a[href]")].map(o => o.getAttribute("href"))'):
        if href.startswith('http'): continue
        target, _, anchor = href.partition('#')
        file = (docs/address).parent/target if target else docs/address
        assert file.is_file(), href
        assert not anchor or f'id="{anchor}"' in file.read_text(), href
    page.close()
