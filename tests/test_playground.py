"""The playground's JavaScript computes what PyTorch does (under Node), and answers somebody who draws (in a
browser, tests/test_site.py)."""
import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from mnist_under_hood.all import prepare_image

folder = Path(__file__).resolve().parents[1]/'nbs'/'playground'
data = json.loads((folder/'models.json').read_text())
node = pytest.mark.skipif(not shutil.which('node'),
                          reason='no Node is installed, so the JavaScript is not compared with PyTorch')


def unpacked(text, *shape):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float32).copy()).view(shape).double()


def run(code, given=None):
    "What `code`, a JavaScript module, prints as JSON"
    script = f"import {{readFileSync}} from 'node:fs';\nimport * as models from '{folder.as_uri()}/models.js';\n" \
             f"import * as descent from '{folder.as_uri()}/descent.js';\n" \
             f"const given = JSON.parse(readFileSync(0));\n{code}"
    return json.loads(subprocess.run(['node', '--input-type=module', '-e', script], input=json.dumps(given),
                                     check=True, capture_output=True, text=True).stdout)


@node
def test_scores_equal_pytorchs():
    x = torch.from_numpy(np.frombuffer(base64.b64decode(data['pictures']['pixels']),
                                       np.uint8).copy()).view(-1, 784).float().div(255).double()
    means = torch.stack([unpacked(o, 784) for o in data['means']])
    conv = x.view(-1, 1, 28, 28)
    for layer in data['conv']['layers']:
        weights = unpacked(layer['weights'], layer['outputs'], layer['inputs'], layer['kernel'], layer['kernel'])
        conv = F.conv2d(conv, weights, unpacked(layer['bias'], -1), stride=layer['stride'],
                        padding=layer['padding']).relu()
    hidden = (x @ unpacked(data['relu']['w1'], 30, 784).T + unpacked(data['relu']['b1'], 30)).relu()
    expected = torch.stack([*((x[:, None] - means)**2).mean(2).sqrt().T, x @ unpacked(data['linear']['weights'],
                                                                                      784) + data['linear']['bias'],
                            hidden @ unpacked(data['relu']['w2'], 30) + data['relu']['b2'],
                            conv.flatten(1) @ unpacked(data['conv']['weights'], -1) + data['conv']['bias']], 1)
    ours = run('''const data = models.unpack(given);
        console.log(JSON.stringify(data.pictures.labels.map((_, i) => { const x = models.picture(data, i);
          return [...models.closerMean(data, x).distances, models.linear(data, x).score, models.reluNet(data, x).score,
                  models.convNet(data, x).score]; })));''', data)
    assert len(ours) == 200
    torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), expected, atol=1e-5, rtol=0)
    right = [((expected[:, i] > 0) == torch.tensor([o == 3 for o in data['pictures']['labels']])).double().mean()
             for i in (2, 3, 4)]
    assert right[2] > right[0], 'the convolutional net reads more of the hard pictures than the linear classifier'


@node
def test_drawing_is_centred_as_prepare_image_does():
    image = Image.new('L', (280, 280), 255)
    ImageDraw.Draw(image).line([(30, 40), (120, 40), (70, 130)], fill=0, width=22, joint='curve')
    ink = (1 - np.asarray(image, np.float32)/255).flatten().tolist()
    ours = torch.tensor(run('console.log(JSON.stringify([...models.centre(Float32Array.from(given), 280)]))',
                            ink)).view(28, 28)
    theirs = prepare_image(image)
    assert (ours - theirs).abs().mean() < 0.02, 'a box filter on both sides, with edges that may differ by a pixel'
    assert run('console.log(JSON.stringify(models.centre(new Float32Array(280*280), 280)))') is None


@node
def test_descent_descends():
    losses, slopes, tried = run('''const points = descent.measure(3), p = [40, 25, 40], e = 1e-5;
        const d = new descent.Descent(points, {lr: 0.3, momentum: 0.5, batch: 20});
        const bad = new descent.Descent(points, {lr: 1.5, momentum: 0, batch: 20});
        for (let i = 0; i < 60; i++) { d.step(); bad.step(); }
        const tried = p.map((_, i) => { const q = [...p], r = [...p]; q[i] += e; r[i] -= e;
          return (descent.loss(q, points) - descent.loss(r, points))/(2*e); });
        console.log(JSON.stringify([[d.losses[0], d.losses.at(-1), bad.diverged, d.diverged],
          descent.gradient(p, points), tried]));''')
    assert losses[1] < 15 < losses[0] and losses[2:] == [True, False]
    np.testing.assert_allclose(slopes, tried, rtol=1e-5)


def test_page_is_light(): assert sum(o.stat().st_size for o in folder.iterdir()) < 1.5e6
