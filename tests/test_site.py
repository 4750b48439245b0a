"""The site in a real browser: wide and narrow, light and dark, without a network. Plain pages always, Quarto's where it is installed."""
import html
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
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
            context = None if (width, scheme) in ((1200, 'light'), (390, 'dark')) else {'exclude': ['main pre']}  # code, whose many colours take half the time, once in each palette
            violations = axe_module.Axe().run(page, context, {'resultTypes': ['violations']}).response['violations']
            assert [(o['id'], [n['html'][:120] for n in o['nodes']][:3]) for o in violations if o['impact'] in ('serious', 'critical')] == [], (width, scheme)
            if 'ARTEFACTS' in os.environ: page.screenshot(path=Path(os.environ['ARTEFACTS'])/f'{folder.parent.name[:-1]}-{address.replace("/", "-")}-{width}-{scheme}.png', full_page=True)
        finally: page.close()


@pytest.mark.parametrize('address', addresses)
def test_links_resolve(site, browser, address):
    folder, host = site
    page = browser.new_page()
    page.goto(f'{host}/{address}')
    for href in page.evaluate('[...document.querySelectorAll("a[href]")].map(o => o.href)'):
        if not href.startswith(host) or '#lr=' in href: continue  # the playground's settings
        target, _, anchor = href.removeprefix(host + '/').partition('#')
        file = folder/(target or 'index.html')
        assert file.is_file(), href
        assert not anchor or f'id="{anchor}"' in file.read_text(), href
    page.close()


def test_notes_are_callouts(site):
    folder, _ = site
    assert re.search(r'class="[^"]*callout', (folder/'data.html').read_text() + (folder/'similarity.html').read_text() + (folder/'optim.html').read_text())


def test_hidden_code_is_hidden(site):
    folder, _ = site
    for notebook in notebooks:
        cells = [o['source'] for o in nbformat.read(root/'nbs'/notebook, as_version=4).cells if '#| echo: false' in o['source']]
        text = html.unescape(re.sub('<[^>]*>', '', (folder/re.sub(r'(^|/)\d\d_', r'\1', notebook).replace('.ipynb', '.html')).read_text()))
        for source in cells: assert source.splitlines()[-1] not in text, (notebook, source)


def test_pages_for_language_models(site):
    folder, _ = site
    text = (folder/'llms.txt').read_text()
    home = re.search('site-url: "(.*)"', (root/'nbs/nbdev.yml').read_text())[1]
    assert text.count('\n- [') == len(addresses) - 1, 'each page but the home page'
    for address in re.findall(r'^- \[.*\]\((\S+)\): \S', text, re.M): assert len((folder/address.removeprefix(home + '/')).read_text()) > 500, address


def test_search_finds_a_name(site, browser):
    folder, host = site
    if folder.parent.name.startswith('plain'): pytest.skip('plain pages have no search')
    page = browser.new_page()
    page.goto(f'{host}/index.html')
    page.locator('#quarto-search button').first.click()
    page.keyboard.type('broadcasting')
    page.wait_for_selector('.aa-Panel a[href*="similarity.html"]', timeout=5000)
    page.close()


def stroke(page, points):
    "Draw a line through `points`, in shares of the drawing area's width and height, with the pointer"
    page.locator('#pad').evaluate("o => o.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(300)
    box = page.locator('#pad').bounding_box()
    at = [(box['x'] + x*box['width'], box['y'] + y*box['height']) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]: page.mouse.move(*point, steps=6)
    page.mouse.up()
    page.wait_for_timeout(100)


three = [(.3, .2), (.5, .12), (.68, .25), (.5, .45), (.7, .62), (.55, .85), (.28, .78)]
seven = [(.2, .2), (.75, .2), (.45, .85)]


def test_playground_reads_what_is_drawn(site, browser):
    folder, host = site
    page = browser.new_page(viewport={'width': 390, 'height': 844})
    page.goto(f'{host}/playground.html')
    page.wait_for_selector('#pad')
    for digit, points in ('7', seven), ('3', three):
        page.get_by_role('button', name='Clear').click()
        stroke(page, points)
        verdicts = page.locator('.verdict').all_inner_texts()
        assert len(verdicts) == 4 and all(o.startswith(digit) for o in verdicts), (digit, verdicts)

    page.locator('#pad').focus()
    page.keyboard.press('Escape')
    page.wait_for_timeout(100)
    assert set(page.locator('.verdict').all_inner_texts()) == {'–'}, 'Escape clears'
    for key, times in ('ArrowLeft', 6), (' ', 1), ('ArrowRight', 16), ('ArrowDown', 3), ('ArrowLeft', 3), ('ArrowDown', 16):
        for _ in range(times): page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert page.locator('.verdict').last.inner_text().startswith('7'), 'drawn by keyboard'
    page.locator('#which').fill('120')
    assert 'number 120 of 200' in page.locator('output[for=which]').inner_text()
    page.close()


def test_questionnaire_asks_until_all_is_known(site, browser):
    folder, host = site
    page = browser.new_page()
    page.goto(f'{host}/questionnaire.html')
    page.get_by_role('button', name='Test me').click()
    first = page.locator('#quiz .ask').inner_text()
    page.get_by_role('button', name='Reveal').click()
    page.get_by_role('button', name='Did not').click()
    assert page.locator('#quiz .ask').inner_text() != first
    total = int(page.locator('.progress-line').inner_text().split()[2])
    assert total == page.locator('details.question').count() > 50
    for i in range(total):
        if i == total - 1: assert page.locator('#quiz .ask').inner_text() == first, 'what was missed comes back'
        page.get_by_role('button', name='Reveal').click()
        page.get_by_role('button', name='Knew it').click()
    assert page.locator('.progress-line').inner_text() == f'{total} of {total} known'
    page.reload()
    page.get_by_role('button', name='Test me').click()
    assert page.locator('.progress-line').inner_text() == f'{total} of {total} known', 'kept in the browser'
    page.close()


def test_playground_descends_and_diverges(site, browser):
    folder, host = site
    page = browser.new_page()
    page.goto(f'{host}/playground.html#lr=0.3&momentum=0.5&batch=20&noise=3')
    state = page.locator('#play-descend .state')
    assert state.inner_text().startswith('step 0, loss')
    for _ in range(40): page.locator('#play-descend').get_by_role('button', name='Step', exact=True).click()
    assert float(state.inner_text().split('loss ')[1].split(';')[0]) < 20
    assert page.locator('#play-descend a').get_attribute('href').endswith('#lr=0.30&momentum=0.5&batch=20&noise=3')
    page.locator('#lr').fill('1')
    for _ in range(20): page.locator('#play-descend').get_by_role('button', name='Step', exact=True).click()
    assert state.inner_text().startswith('Diverged')
    page.locator('#param-a').fill('70')
    assert 'tries 1' in page.locator('#play-optimizer .state').inner_text()
    page.close()
