"""The site in a real browser: wide and narrow, light and dark, without a network. Plain pages always, Quarto's where it is installed."""
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

root = Path(__file__).resolve().parents[1]
chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
if not chromium: pytest.skip('no Chromium is installed, so no page is looked at: apt-get install chromium', allow_module_level=True)
axe_module = pytest.importorskip('axe_playwright_python.sync_playwright', reason='playwright and axe are development requirements')
from playwright.sync_api import sync_playwright

beside = Path(sys.executable).parent/'quarto'
renderers = ['plain', 'quarto'] if beside.exists() or shutil.which('quarto') else ['plain']


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


@pytest.fixture(scope='module', params=renderers)
def site(request, tmp_path_factory):
    "(folder, address) of the pages, made anew and served on this machine"
    subprocess.run([sys.executable, 'tools/docs.py', *(['--plain'] if request.param == 'plain' else [])], cwd=root, check=True, capture_output=True)
    folder = tmp_path_factory.mktemp(request.param)/'site'
    shutil.copytree(root/'_docs', folder)
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()


@pytest.fixture(scope='module')
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-background-networking'])
        yield browser
        browser.close()


notebooks = sorted(str(o.relative_to(root/'nbs')) for o in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in o.parts)
addresses = [*(re.sub(r'(^|/)\d\d_', r'\1', o).replace('.ipynb', '.html') for o in notebooks), 'reference.html']


@pytest.mark.parametrize('address', addresses)
def test_page(site, browser, address):
    folder, host = site
    for width, scheme in (1200, 'light'), (1200, 'dark'), (390, 'light'), (390, 'dark'):
        page = browser.new_page(viewport={'width': width, 'height': 844}, color_scheme=scheme)
        errors, elsewhere = [], []
        page.on('console', lambda message: errors.append(message.text) if message.type == 'error' else None)
        page.on('pageerror', lambda error: errors.append(str(error)))
        page.on('request', lambda request: None if request.url.startswith((host, 'data:')) else elsewhere.append(request.url))
        page.goto(f'{host}/{address}')
        try:
            assert (errors, elsewhere) == ([], [])
            assert page.evaluate('document.documentElement.scrollWidth') <= width, 'the page scrolls sideways'
            assert page.evaluate('[...document.images].filter(o => o.loading != "lazy" && !o.naturalWidth).map(o => o.src.slice(0, 80))') == []
            assert page.evaluate('[...document.images].filter(o => !o.alt || o.alt.startsWith("No description")).length') == 0, 'a figure without alt text'
            text = page.evaluate('document.body.innerText')
            assert ':::' not in text and '$$' not in text and '#|' not in text
            assert '**' not in page.evaluate('[...document.querySelectorAll("p")].map(o => o.innerText).join()'), 'Markdown that was not rendered'
            dark = page.evaluate('getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) < 384')
            assert dark == (scheme == 'dark'), "the page follows the system's preference"
            violations = axe_module.Axe().run(page).response['violations']
            assert [(o['id'], [n['html'][:120] for n in o['nodes']][:3]) for o in violations if o['impact'] in ('serious', 'critical')] == [], (width, scheme)
            if 'ARTEFACTS' in os.environ: page.screenshot(path=Path(os.environ['ARTEFACTS'])/f'{folder.parent.name[:-1]}-{address.replace("/", "-")}-{width}-{scheme}.png', full_page=True)
        finally: page.close()


@pytest.mark.parametrize('address', addresses)
def test_links_resolve(site, browser, address):
    folder, host = site
    page = browser.new_page()
    page.goto(f'{host}/{address}')
    for href in page.evaluate('[...document.querySelectorAll("a[href]")].map(o => o.href)'):
        if not href.startswith(host): continue
        target, _, anchor = href.removeprefix(host + '/').partition('#')
        file = folder/(target or 'index.html')
        assert file.is_file(), href
        assert not anchor or f'id="{anchor}"' in file.read_text(), href
    page.close()


def test_notes_are_callouts(site):
    folder, _ = site
    assert re.search(r'class="[^"]*callout', (folder/'data.html').read_text() + (folder/'similarity.html').read_text() + (folder/'optim.html').read_text())


def test_pages_for_language_models(site):
    folder, _ = site
    text = (folder/'llms.txt').read_text()
    assert text.count('\n- [') == len(addresses) - 1, 'each page but the home page'
    for name in re.findall(r'/([\w/]+\.md)\)', text): assert len((folder/name.removeprefix('mnist_under_hood/')).read_text()) > 500, name


def test_search_finds_a_name(site, browser):
    folder, host = site
    if folder.parent.name.startswith('plain'): pytest.skip('plain pages have no search')
    page = browser.new_page()
    page.goto(f'{host}/index.html')
    page.locator('#quarto-search button').first.click()
    page.keyboard.type('broadcasting')
    page.wait_for_selector('.aa-Panel a[href*="similarity.html"]', timeout=5000)
    page.close()
