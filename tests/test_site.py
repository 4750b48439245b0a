"""The site in a real browser: wide and narrow, light and dark, without a network.

Pages by smalldocs where Python is 3.11 or newer, and by Quarto where it is installed."""
import html
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

root = Path(__file__).resolve().parents[1]
chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
if not chromium: pytest.skip('no page is looked at without Chromium: apt-get install chromium', allow_module_level=True)
axe_module = pytest.importorskip('axe_playwright_python.sync_playwright', reason='axe is a development requirement')
from playwright.sync_api import sync_playwright

beside = Path(sys.executable).parent/'quarto'
renderers = ['plain'] if find_spec('smalldocs') else []
if beside.exists() or shutil.which('quarto'): renderers.append('quarto')


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


@pytest.fixture(scope='module', params=renderers)
def site(request, tmp_path_factory):
    "(folder, address) of the pages, made anew in a copy of the repository and served on this machine"
    copy = tmp_path_factory.mktemp(request.param)/'copy'
    made = shutil.ignore_patterns('.*', '_docs', '_proc', 'build', 'dist', '*.egg-info', '__pycache__')
    shutil.copytree(root, copy, symlinks=True, ignore=made)
    plain = ['--plain'] if request.param == 'plain' else []
    subprocess.run([sys.executable, 'tools/docs.py', *plain], cwd=copy, check=True, capture_output=True)
    folder = copy/'_docs'
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()


@pytest.fixture(scope='module')
def browser():
    with sync_playwright() as playwright:
        args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


found = [o.relative_to(root/'nbs') for o in (root/'nbs').rglob('*.ipynb')]
notebooks = sorted(o.as_posix() for o in found if '.ipynb_checkpoints' not in o.parts)



def page_of(notebook): return re.sub(r'(^|/)\d\d_', r'\1', notebook).replace('.ipynb', '.html')


addresses = [*map(page_of, notebooks), 'reference.html']


@pytest.mark.parametrize('address', addresses)
def test_page(site, browser, address):
    folder, host = site
    page = browser.new_page()
    errors, elsewhere = [], []
    page.on('console', lambda message: errors.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: errors.append(str(error)))
    page.on('request', lambda o: None if o.url.startswith((host, 'data:')) else elsewhere.append(o.url))
    page.goto(f'{host}/{address}')
    text = page.evaluate('document.body.innerText')
    assert ':::' not in text and '$$' not in text and '#|' not in text
    prose = page.evaluate("""[...document.querySelectorAll("p")].map(o => o.cloneNode(true))
        .map(o => (o.querySelectorAll("code").forEach(o => o.remove()), o.textContent)).join()""")
    assert '**' not in prose and not re.search(r'\\[a-z]+\b', prose), 'Markdown or a formula that was not rendered'
    alone = '[...document.images].filter(o => !o.alt || o.alt.startsWith("No description")).length'
    assert page.evaluate(alone) == 0, 'a figure without alt text'
    for href in page.evaluate('[...document.querySelectorAll("a[href]")].map(o => o.href)'):
        if not href.startswith(host) or '#lr=' in href: continue  # the playground's settings
        target, _, anchor = href.removeprefix(host + '/').partition('#')
        file = folder/(target or 'index.html')
        assert file.is_file(), href
        assert not anchor or f'id="{anchor}"' in file.read_text(encoding='utf-8'), href
    for width, scheme in (1200, 'light'), (1200, 'dark'), (390, 'light'), (390, 'dark'):
        page.set_viewport_size({'width': width, 'height': 844})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate('document.documentElement.scrollWidth') <= width, f'the page scrolls sideways at {width}'
        dark = page.evaluate("""getComputedStyle(document.body).backgroundColor.match(/\\d+/g)
            .slice(0, 3).reduce((a, b) => a + +b, 0) < 384""")
        assert dark == (scheme == 'dark'), "the page follows the system's preference"
        if (width, scheme) in ((1200, 'light'), (390, 'dark')):  # each once: axe takes most of the time
            violations = axe_module.Axe().run(page, None, {'resultTypes': ['violations']}).response['violations']
            serious = [o for o in violations if o['impact'] in ('serious', 'critical')]
            assert [(o['id'], [n['html'][:120] for n in o['nodes']][:3]) for o in serious] == [], (width, scheme)
        if 'ARTEFACTS' in os.environ:
            name = f'{folder.parent.parent.name[:-1]}-{address.replace("/", "-")}-{width}-{scheme}.png'
            page.screenshot(path=Path(os.environ['ARTEFACTS'])/name, full_page=True)
    page.evaluate('[...document.images].forEach(o => o.loading = "eager")')
    page.wait_for_function('[...document.images].every(o => o.complete)')
    broken = '[...document.images].filter(o => !o.naturalWidth).map(o => o.src.slice(0, 80))'
    assert (page.evaluate(broken), errors, elsewhere) == ([], [], [])
    page.close()


def test_notes_are_callouts(site):
    folder, _ = site
    notes = 0
    for notebook in notebooks:
        cells = nbformat.read(root/'nbs'/notebook, as_version=4).cells
        here = sum(len(re.findall(r'^> \*\*(?:Note|Tip|Warning|Important|Caution):', o.source, re.M)) for o in cells)
        text = (folder/page_of(notebook)).read_text(encoding='utf-8')
        assert len(re.findall(r'<div[^>]* class="callout[ "]', text)) == here, notebook
        notes += here
    assert notes


def test_hidden_code_is_hidden(site):
    folder, _ = site
    for notebook in notebooks:
        cells = nbformat.read(root/'nbs'/notebook, as_version=4).cells
        cells = [o['source'] for o in cells if '#| echo: false' in o['source']]
        text = html.unescape(re.sub('<[^>]*>', '', (folder/page_of(notebook)).read_text(encoding='utf-8')))
        for source in cells: assert source.splitlines()[-1] not in text, (notebook, source)


def test_pages_for_language_models(site):
    folder, _ = site
    text = (folder/'llms.txt').read_text()
    home = re.search('site-url: "(.*)"', (root/'nbs/nbdev.yml').read_text())[1]
    assert text.count('\n- [') == len(addresses) - 1, 'each page but the home page'
    for address in re.findall(r'^- \[.*\]\((\S+)\): \S', text, re.M):
        page = (folder/address.removeprefix(home + '/')).read_text(encoding='utf-8')
        assert page.startswith('# ') and len(page) > 500 and '![Open' not in page, address
        here = (folder/address.removeprefix(home + '/')).parent
        pages = [o for o in re.findall(r'\]\(([\w./]+)', page) if re.search(r'[a-z]\.(ipynb|html|md)$', o)]
        assert [o for o in pages if not (here/o).is_file() or not o.endswith('.md')] == [], address


def test_neither_renderer_is_a_sentence():
    code = "import docs; docs.quarto = lambda: None; docs.find_spec = lambda name: None; docs.main()"
    done = subprocess.run([sys.executable, '-c', code], cwd=root/'tools', capture_output=True, text=True)
    assert done.returncode == 1 and 'Traceback' not in done.stderr and 'Python 3.11 or newer' in done.stderr


def test_search_finds_a_name(site, browser):
    folder, host = site
    page = browser.new_page(color_scheme='dark')
    page.goto(f'{host}/index.html')
    page.locator('#quarto-search button').first.click()
    page.keyboard.type('broadcasting')
    page.wait_for_selector(':is(.aa-Panel, .smalldocs-search-results) a[href*="similarity.html"]')
    violations = axe_module.Axe().run(page).response['violations']
    assert [o['nodes'] for o in violations if o['id'] == 'color-contrast'] == []
    page.close()


def stroke(page, points, lift=True):
    "Draw a line through `points`, in shares of the drawing area's width and height, with the pointer"
    page.locator('#pad').evaluate("o => o.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(300)
    box = page.locator('#pad').bounding_box()
    at = [(box['x'] + x*box['width'], box['y'] + y*box['height']) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]: page.mouse.move(*point, steps=6)
    if lift: page.mouse.up()
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
    page.get_by_role('button', name='Clear').click()
    stroke(page, seven, lift=False)
    assert page.locator('.verdict').last.inner_text().startswith('7'), 'a stroke is answered while it is drawn'
    page.mouse.up()

    page.locator('#pad').focus()
    page.keyboard.press('Escape')
    page.wait_for_timeout(100)
    assert set(page.locator('.verdict').all_inner_texts()) == {'–'}, 'Escape clears'
    keys = ('ArrowLeft', 6), (' ', 1), ('ArrowRight', 16), ('ArrowDown', 3), ('ArrowLeft', 3), ('ArrowDown', 16)
    for key, times in keys:
        for _ in range(times): page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert page.locator('.verdict').last.inner_text().startswith('7'), 'drawn by keyboard'
    page.locator('#which').fill('120')
    assert 'number 120 of 200' in page.locator('output[for=which]').inner_text()
    page.locator('#which').fill('1')
    assert 'wrong' in page.locator('.verdict').last.inner_text(), 'the worst mistakes are among the pictures'
    page.get_by_role('button', name='Clear').click()
    stroke(page, [(.5, .5), (.5, .5)])
    assert '–' not in page.locator('.verdict').all_inner_texts(), 'a dot is ink'
    assert re.fullmatch(r'\d+ of 30 hidden units fire', page.locator('.views').nth(2).inner_text())
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
    page.get_by_role('button', name='Other lessons').click()
    page.get_by_label('Which lessons').select_option('3. Descent')
    page.get_by_label('Which lessons').focus()
    page.keyboard.press('Shift+Tab')
    page.keyboard.press('Enter')
    some = int(page.locator('.progress-line').inner_text().split()[2])
    assert 5 < some < 20
    page.get_by_role('button', name='Start again').click()
    assert page.locator('.progress-line').inner_text() == f'0 of {some} known'
    assert page.evaluate('document.activeElement.className') == 'ask', 'the next question is read aloud'
    page.reload()
    page.get_by_role('button', name='Test me').click()
    assert page.locator('.progress-line').inner_text() == f'{total - some} of {total} known', 'other lessons are kept'
    page.close()


def test_terms_show_their_entry(site, browser):
    folder, host = site
    page = browser.new_page(viewport={'width': 1200, 'height': 844})
    page.goto(f'{host}/resnet.html')
    link, entry = page.locator('a[data-entry]', has_text='standard deviation'), page.get_by_role('tooltip')
    link.hover()
    assert entry.inner_text() == 'How far values lie from their mean: the root of the mean of the squared differences.'
    page.mouse.move(0, 0)
    entry.wait_for(state='hidden')
    link.focus()
    assert entry.is_visible() and link.get_attribute('aria-describedby') == entry.get_attribute('id')
    violations = axe_module.Axe().run(page).response['violations']
    assert [o['id'] for o in violations if o['impact'] in ('serious', 'critical')] == []
    page.keyboard.press('Escape')
    assert entry.is_hidden()
    link.press('Enter')
    assert page.url == f'{host}/glossary.html#standard-deviation'
    page.close()

    phone = browser.new_context(viewport={'width': 390, 'height': 844}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.goto(f'{host}/resnet.html')
    for word in page.locator('a[data-entry]:visible').all()[::4]:
        page.keyboard.press('Escape')
        word.tap()
        box = page.get_by_role('tooltip').bounding_box()
        assert box['x'] >= 0 and box['x'] + box['width'] <= 390 and page.url == f'{host}/resnet.html'
    word.tap()
    page.wait_for_url('**/glossary.html#*')
    phone.close()

    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(f'{host}/resnet.html')
    link = page.get_by_role('link', name='standard deviation')
    assert link.get_attribute('title').startswith('How far values lie')
    plain.close()


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
    page.evaluate("location.hash = 'lr=0.02&momentum=0.9&batch=5&noise=0'")
    page.wait_for_function("document.getElementById('momentum').value == 0.9")
    href = page.locator('#play-descend a').get_attribute('href')
    assert href == '#lr=0.020&momentum=0.9&batch=5&noise=0', 'a link that is opened on the page itself'

    state = page.locator('#play-optimizer .state')
    page.locator('#param-a').fill('70')
    assert 'tries 1' in state.inner_text() and 'Below' not in state.inner_text()
    for name, value in ('a', 68), ('b', 0), ('c', 2): page.locator(f'#param-{name}').fill(str(value))
    assert 'Below 20 at try' in state.inner_text()
    for _ in range(2): page.get_by_role('button', name='Let descent do it').click()
    assert state.inner_text().count('after 40 steps') == 1
    page.close()
