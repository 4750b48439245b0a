// The page: three sections, each filled in here. Everything is computed on the reader's own device.
import {centre, closerMean, convNet, linear, picture, reluNet, sigmoid, unpack} from './models.js';
import {Descent, loss, measure, quadratic} from './descent.js';

const THREE = '#c2410c', SEVEN = '#0f766e', INK = '#1e293b', FAINT = '#94a3b8';

/** An element with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name.startsWith('on') ? element.addEventListener(name.slice(2), value) : element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Hidden units as squares, ten in a row: filled if they fire, orange if that speaks for a three, green for a seven, the darker the louder; a frame if they are silent. */
function paintUnits(canvas, votes) {
  const cell = 24, context = canvas.getContext('2d'), most = Math.max(...votes.map(Math.abs)) || 1;
  canvas.width = 10*cell; canvas.height = Math.ceil(votes.length/10)*cell;
  votes.forEach((vote, i) => {
    const at = [i % 10*cell + 2, Math.floor(i/10)*cell + 2, cell - 4, cell - 4];
    if (vote) {
      Object.assign(context, {globalAlpha: 0.2 + 0.8*Math.abs(vote)/most, fillStyle: vote > 0 ? THREE : SEVEN});
      context.fillRect(...at);
    } else { Object.assign(context, {globalAlpha: 1, strokeStyle: '#cbd5e1'}); context.strokeRect(at[0] + 0.5, at[1] + 0.5, at[2] - 1, at[3] - 1); }
  });
}

/** Numbers as a picture: ink on paper, or orange above zero and green below. */
function paint(canvas, values, columns, signed) {
  const rows = values.length/columns, context = canvas.getContext('2d');
  canvas.width = columns; canvas.height = rows;
  const image = context.createImageData(columns, rows), most = signed ? Math.max(...values.map(Math.abs)) || 1 : 1;
  values.forEach((value, i) => {
    const strength = Math.min(Math.abs(value)/most, 1), colour = !signed ? [30, 41, 59] : value > 0 ? [194, 65, 12] : [15, 118, 110];
    colour.forEach((o, k) => { image.data[4*i + k] = 255 + (o - 255)*strength; });
    image.data[4*i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

/** Not rounded up to certainty, which no sigmoid reaches. */
const percent = p => p > 0.995 ? 'over 99 %' : `${Math.round(100*p)} %`;

const small = label => make('canvas', {class: 'small', role: 'img', 'aria-label': label});

// ---------------------------------------------------------------- draw a digit

function drawSection(root, data) {
  const SIZE = 280;
  const pad = make('canvas', {id: 'pad', width: SIZE, height: SIZE, tabindex: 0, role: 'application',
                              'aria-label': 'Drawing area. Arrow keys move the pen, the space bar sets it down or lifts it, Escape clears.'});
  const pen = pad.getContext('2d', {willReadFrequently: true});
  const asSeen = small('The drawing as the models get it, 28 by 28 pixels, centred');
  const units = make('canvas', {class: 'units', role: 'img', 'aria-label': 'The thirty hidden units'});
  const maps = make('canvas', {class: 'maps', role: 'img', 'aria-label': 'What the first eight kernels find'});
  const rows = [
    {name: 'closer mean', lesson: 'similarity', views: [small('Difference to the mean three'), small('Difference to the mean seven')], caption: 'less the mean 3, less the mean 7'},
    {name: 'linear', lesson: 'linear', views: [small('Pixel times weight')], caption: 'pixel times weight'},
    {name: 'ReLU net', lesson: 'relu', views: [units], caption: '30 hidden units'},
    {name: 'small conv net', lesson: 'resnet', views: [maps], caption: 'what 8 kernels find'},
  ];
  for (const row of rows) {
    row.verdict = make('td', {class: 'verdict', 'data-model': row.name}, '–');
    row.about = make('small', {}, row.caption);
  }
  const table = make('table', {class: 'verdicts', 'aria-live': 'polite'},
    make('tbody', {}, ...rows.map(row => make('tr', {},
      make('th', {scope: 'row'}, make('a', {href: `${row.lesson}.html`}, row.name)), row.verdict, make('td', {class: 'views'}, ...row.views, row.about)))));
  const which = make('input', {id: 'which', type: 'range', min: 1, max: data.pictures.labels.length, value: 1});
  const about = make('output', {for: 'which'}, 'none yet');

  /** A verdict, with how sure the model is, or other words, under it; `label` is the right digit where it is known. */
  function say(row, three, certainty, words, label) {
    const digit = three ? 3 : 7, bar = make('span', {class: 'bar'});
    if (certainty) bar.style.cssText = `width: ${100*certainty}%; background: ${three ? THREE : SEVEN}`;
    row.verdict.replaceChildren(`${digit}${certainty ? `, ${percent(certainty)}` : ''}`, make('small', {class: 'wrong'}, label && label !== digit ? `wrong: it is a ${label}` : ''), make('small', {}, words), bar);
  }

  function judge(x, label) {
    paint(asSeen, x, 28);
    const mean = closerMean(data, x), one = linear(data, x), net = reluNet(data, x), conv = convNet(data, x), [three, seven] = mean.distances;
    say(rows[0], three < seven, null, `${three.toFixed(3)} from 3, ${seven.toFixed(3)} from 7`, label);
    [one, net, conv].forEach(({score}, i) => { const p = sigmoid(score); say(rows[i + 1], p > 0.5, Math.max(p, 1 - p), '', label); });
    mean.differences.forEach((d, i) => paint(rows[0].views[i], [...d], 28, true));
    paint(rows[1].views[0], [...one.products], 28, true);
    paintUnits(units, [...net.votes]);
    rows[2].about.textContent = `${net.votes.filter(o => o !== 0).length} of 30 hidden units fire`;
    const found = conv.first.maps, {size} = conv.first, columns = 4*size, most = Math.max(...found) || 1;
    paint(maps, Array.from({length: found.length}, (_, i) => {
      const r = Math.floor(i/columns), c = i % columns;
      return found[(Math.floor(r/size)*4 + Math.floor(c/size))*size*size + (r % size)*size + c % size]/most;
    }), columns);
  }

  function wait() {
    paint(asSeen, new Float32Array(784), 28);
    for (const row of rows) {
      row.verdict.textContent = '–'; row.about.textContent = row.caption;
      for (const view of row.views) view === units ? paintUnits(units, Array(30).fill(0)) : paint(view, new Float32Array(view === maps ? 8*196 : 784), view === maps ? 56 : 28);
    }
  }

  let asked = false, loaded = false;
  function look() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const pixels = pen.getImageData(0, 0, SIZE, SIZE).data;
      const x = centre(Float32Array.from({length: SIZE*SIZE}, (_, i) => 1 - pixels[4*i]/255), SIZE);
      x ? judge(x) : wait();
    });
  }

  function clear() {
    pen.fillStyle = 'white'; pen.fillRect(0, 0, SIZE, SIZE);
    about.textContent = 'your own drawing'; loaded = false;
    look();
  }

  function line(from, to) {
    if (loaded) clear();
    Object.assign(pen, {lineWidth: 22, lineCap: 'round', lineJoin: 'round', strokeStyle: 'black'});
    pen.beginPath(); pen.moveTo(...from); pen.lineTo(to[0] + 0.01, to[1]); pen.stroke();  // the hundredth, so that a dot has a length
    look();
  }

  const at = event => { const box = pad.getBoundingClientRect(); return [(event.clientX - box.left)*SIZE/box.width, (event.clientY - box.top)*SIZE/box.height]; };
  let last = null, pointer = null;  // a second finger does not draw
  pad.addEventListener('pointerdown', event => {
    event.preventDefault();
    if (last) return;
    pad.setPointerCapture(event.pointerId); pad.focus({focusVisible: false}); pointer = event.pointerId; last = at(event); line(last, last);
  });
  pad.addEventListener('pointermove', event => { if (last && event.pointerId === pointer) for (const o of event.getCoalescedEvents?.() ?? [event]) { const to = at(o); line(last, to); last = to; } });
  for (const name of ['pointerup', 'pointercancel']) pad.addEventListener(name, event => { if (event.pointerId === pointer) last = pointer = null; });

  let key = [140, 60], down = false;
  const cross = make('span', {class: 'cross', 'aria-hidden': 'true'});
  function point() { cross.style.left = `${100*key[0]/SIZE}%`; cross.style.top = `${100*key[1]/SIZE}%`; cross.classList.toggle('down', down); }
  pad.addEventListener('keydown', event => {
    const move = {ArrowUp: [0, -8], ArrowDown: [0, 8], ArrowLeft: [-8, 0], ArrowRight: [8, 0]}[event.key];
    if (move) {
      const to = key.map((o, i) => Math.min(Math.max(o + move[i], 12), SIZE - 12));
      if (down) line(key, to);
      key = to;
    } else if (event.key === ' ') { down = !down; if (down) line(key, key); }
    else if (event.key === 'Escape') { down = false; clear(); }
    else return;
    event.preventDefault(); point();
  });

  which.addEventListener('input', () => {
    const i = which.value - 1, x = picture(data, i);
    pen.fillStyle = 'white'; pen.fillRect(0, 0, SIZE, SIZE);
    x.forEach((value, k) => { pen.fillStyle = `rgb(${[0, 0, 0].map(() => 255*(1 - value))})`; pen.fillRect((k % 28)*10, Math.floor(k/28)*10, 10, 10); });
    about.textContent = `number ${i + 1} of ${data.pictures.labels.length}, a ${data.pictures.labels[i]}`;
    judge(x, data.pictures.labels[i]); loaded = true;
  });

  root.replaceChildren(
    make('div', {class: 'side'},
      make('div', {}, make('div', {class: 'pad'}, pad, cross),
        make('div', {class: 'seen'}, make('span', {class: 'centred'}, asSeen), make('small', {}, 'What the models get: the drawing cropped, scaled to fit 20 by 20, and moved until its ink balances on the cross.')),
        make('p', {}, make('button', {type: 'button', onclick: clear}, 'Clear'))),
      table),
    make('p', {class: 'choose'}, make('label', {for: 'which'}, 'Or a validation picture, the hardest first'), which, about));
  point(); which.value = 41; which.dispatchEvent(new Event('input'));
}

// ---------------------------------------------------------------- descend

const chartSize = [300, 220];

/** A chart with its axes, numbers at their ends and middles; returns functions that draw in its coordinates. */
function chart(canvas, [x0, x1], [y0, y1], labelX, labelY, {ticksX = [x0, (x0 + x1)/2], ticksY = [y0, (y0 + y1)/2, y1], show = o => `${o}`} = {}) {
  const [width, height] = chartSize, ratio = Math.min(devicePixelRatio || 1, 2), c = canvas.getContext('2d');
  canvas.width = width*ratio; canvas.height = height*ratio;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.fillStyle = 'white'; c.fillRect(0, 0, width, height);
  c.font = '12px system-ui, sans-serif'; c.fillStyle = INK;
  c.fillText(labelX, width - 8 - c.measureText(labelX).width, height - 5); c.fillText(labelY, 6, 14);
  const x = value => 34 + (value - x0)/(x1 - x0)*(width - 46), y = value => height - 24 - (value - y0)/(y1 - y0)*(height - 46);
  Object.assign(c, {font: '11px system-ui, sans-serif', fillStyle: '#52606f', textAlign: 'center'});
  for (const tick of ticksX) c.fillText(`${tick}`, x(tick), height - 8);
  c.textAlign = 'right';
  for (const tick of ticksY) c.fillText(show(tick), 26, y(tick) + 4);
  c.textAlign = 'left';
  c.save(); c.beginPath(); c.rect(26, 18, width - 32, height - 40); c.clip();
  return {
    c, x, y,
    line(points, colour, width = 2) { Object.assign(c, {strokeStyle: colour, lineWidth: width}); c.beginPath(); points.forEach(([a, b], i) => c[i ? 'lineTo' : 'moveTo'](x(a), y(b))); c.stroke(); },
    dots(points, colour, radius = 3) { c.fillStyle = colour; for (const [a, b] of points) { c.beginPath(); c.arc(x(a), y(b), radius, 0, 7); c.fill(); } },
  };
}

function drawPoints(canvas, points, params) {
  const plot = chart(canvas, [-1.05, 1.05], [-15, 85], 'time, half rides', 'speed', {ticksX: [-1, 0], ticksY: [0, 40, 80]});
  plot.dots(points.map(({t, speed}) => [t, speed]), INK);
  plot.line(Array.from({length: 61}, (_, i) => [i/30 - 1, quadratic(params, i/30 - 1)]), THREE, 3);
}

/** A labelled slider with its value beside it; `change` is called on the way, `settle` where it comes to rest. */
function slider(id, label, {min, max, step, value}, show, change, settle = () => {}) {
  const output = make('output', {for: id}, show(value));
  const input = make('input', {id, type: 'range', min, max, step, value, oninput: () => { output.textContent = show(+input.value); change(); }, onchange: settle});
  return {row: make('div', {class: 'knob'}, make('label', {for: id}, label), input, output), get value() { return +input.value; }, set value(to) { input.value = to; output.textContent = show(+input.value); }};
}

function descendSection(root) {
  const given = (name, otherwise) => { const value = parseFloat(new URLSearchParams(location.hash.slice(1)).get(name)); return Number.isFinite(value) ? value : otherwise; };
  const linked = () => ({lr: Math.log10(Math.max(given('lr', 0.1), 1e-3)), momentum: given('momentum', 0), batch: given('batch', 20), noise: given('noise', 3)});
  const rate = value => (10**value).toPrecision(2);
  const names = ['The points and the curve', 'The loss for each a and c, lighter is lower, and the path', 'The loss at each step'], start = linked();
  const canvases = names.map(name => make('canvas', {class: 'chart', role: 'img', 'aria-label': name}));
  const state = make('p', {class: 'state', 'aria-live': 'polite'});
  const knobs = {
    lr: slider('lr', 'learning rate', {min: -3, max: 1, step: 0.01, value: start.lr}, rate, () => reset()),
    momentum: slider('momentum', 'momentum', {min: 0, max: 0.98, step: 0.02, value: start.momentum}, o => o.toFixed(2), () => reset()),
    batch: slider('batch', 'batch size', {min: 1, max: 20, step: 1, value: start.batch}, o => `${o}`, () => reset()),
    noise: slider('noise', 'noise', {min: 0, max: 12, step: 1, value: start.noise}, o => `${o}`, () => reset()),
  };
  let points, descent, surface, timer = null;

  function drawSurface() {
    const plot = chart(canvases[1], [-20, 120], [-40, 60], 'a', 'c', {ticksY: [-40, 0, 40]}), {c} = plot, cell = 4;
    if (!surface) {  // the same until the points change
      surface = document.createElement('canvas'); surface.width = canvases[1].width; surface.height = canvases[1].height;
      const s = surface.getContext('2d');
      for (let px = 30; px < chartSize[0] - 6; px += cell) for (let py = 18; py < chartSize[1] - 22; py += cell) {
        const a = -20 + (px + cell/2 - 34)/(chartSize[0] - 46)*140, v = -40 + (chartSize[1] - 24 - py - cell/2)/(chartSize[1] - 46)*100;
        const level = Math.round(2*Math.log2(loss([a, 0, v], points) + 1));
        s.fillStyle = `hsl(215 25% ${Math.max(60, 100 - 1.9*level)}%)`; s.fillRect(px, py, cell, cell);
      }
    }
    c.drawImage(surface, 0, 0);
    plot.line(descent.path.map(([a, , v]) => [a, v]), THREE, 1.5);
    const [a, , v] = descent.params;
    plot.dots([[a, v]], THREE, 4);
  }

  function draw() {
    drawPoints(canvases[0], points, descent.params);
    drawSurface();
    const logs = descent.losses.map((o, i) => [i, Math.log10(Math.max(Math.min(o, 1e9), 1e-3))]);
    const bottom = Math.floor(Math.min(0, ...logs.map(o => o[1]))), top = Math.ceil(Math.max(4, ...logs.map(o => o[1]))), last = Math.max(20, logs.length - 1);
    const lossChart = chart(canvases[2], [0, last], [bottom, top], 'step', 'loss', {ticksX: [0, Math.round(last/2)], ticksY: [bottom, Math.round((bottom + top)/2), top], show: o => o < 4 ? `${10**o}` : `1e${o}`});
    lossChart.line(logs, THREE);
    lossChart.dots(logs.slice(-1), THREE);
    const n = descent.losses.length - 1, now = descent.losses.at(-1);
    state.textContent = descent.diverged ? `Diverged after ${n} steps: every step went further up the other side. The learning rate is past the edge.`
                                         : `step ${n}, loss ${now < 1e6 ? now.toFixed(now < 1000 ? 2 : 0) : now.toExponential(1)}; a ${descent.params[0].toFixed(1)}, b ${descent.params[1].toFixed(1)}, c ${descent.params[2].toFixed(1)}`;
  }

  function stop() { clearInterval(timer); timer = null; play.textContent = 'Play'; }
  function step() {
    if (!descent.diverged) descent.step();
    if (descent.diverged || descent.losses.length > 400) stop();
    draw();
  }
  const settings = () => ({lr: 10**knobs.lr.value, momentum: knobs.momentum.value, batch: knobs.batch.value});
  function reset() {
    stop();
    points = measure(knobs.noise.value); surface = null;
    descent = new Descent(points, settings());
    share.href = `#${new URLSearchParams({lr: rate(knobs.lr.value), momentum: knobs.momentum.value, batch: knobs.batch.value, noise: knobs.noise.value})}`;
    draw();
  }
  const play = make('button', {type: 'button', onclick: () => { if (timer) return stop(); play.textContent = 'Pause'; timer = setInterval(step, 60); }}, 'Play');
  const share = make('a', {href: '#'}, 'Link to these settings');
  root.replaceChildren(...Object.values(knobs).map(o => o.row),
    make('p', {}, play, ' ', make('button', {type: 'button', onclick: step}, 'Step'), ' ', make('button', {type: 'button', onclick: reset}, 'Reset'), ' ', share), state,
    make('div', {class: 'charts'}, ...canvases.map((o, i) => make('figure', {}, o, make('figcaption', {}, names[i])))));
  reset();
  function follow() {
    if (!location.hash.startsWith('#lr=')) return;
    for (const [name, value] of Object.entries(linked())) knobs[name].value = value;
    reset();
    document.getElementById('descend').scrollIntoView();
  }
  addEventListener('hashchange', follow);
  follow();
}

// ---------------------------------------------------------------- be the optimizer

function optimizerSection(root) {
  const points = measure(3), canvas = make('canvas', {class: 'chart', role: 'img', 'aria-label': 'The points and your curve'});
  const state = make('p', {class: 'state', 'aria-live': 'polite'});
  const GOAL = 20;
  let tries = 0, best = Infinity, reached = null;
  const knobs = ['a', 'b', 'c'].map((name, i) => slider(`param-${name}`, name, {min: [-20, -60, -40][i], max: [120, 60, 60][i], step: 1, value: [40, 25, 40][i]}, o => `${o}`, draw, () => { tries++; draw(); }));
  function draw() {
    const params = knobs.map(o => o.value), now = loss(params, points);
    drawPoints(canvas, points, params);
    best = Math.min(best, now);
    if (best < GOAL) reached ??= Math.max(tries, 1);
    state.textContent = `loss ${now.toFixed(1)}, your best ${best.toFixed(1)}, tries ${tries}${reached ? `. Below ${GOAL} at try ${reached}` : ''}`;
  }
  function reveal() {
    const descent = new Descent(points, {lr: 0.3, momentum: 0.5, batch: 20});
    for (let i = 0; i < 40; i++) descent.step();
    draw();
    state.textContent += `. Descent, after 40 steps: ${descent.losses.at(-1).toFixed(1)}, with a ${descent.params.map(o => o.toFixed(1)).reduce((all, o, i) => `${all}, ${'abc'[i]} ${o}`)}`;
    drawPoints(canvas, points, descent.params);
  }
  root.replaceChildren(...knobs.map(o => o.row), state, make('p', {}, make('button', {type: 'button', onclick: reveal}, 'Let descent do it')), canvas);
  draw();
}

const here = new URL('.', import.meta.url);
descendSection(document.getElementById('play-descend'));
optimizerSection(document.getElementById('play-optimizer'));
const response = await fetch(new URL('models.json', here));
if (!response.ok) document.getElementById('play-draw').textContent = `The models could not be loaded (${response.status}).`;
else drawSection(document.getElementById('play-draw'), unpack(await response.json()));
