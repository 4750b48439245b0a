"""The glossary against the lessons: each word of the field that they use is defined, each entry is used, and what
it says torch and fastai call it exists."""
import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import nbformat
import pytest

root = Path(__file__).resolve().parents[1]
nbs = root/'nbs'
from procs import glossary, no_prose, plurals, words

cells = {o.stem: nbformat.read(o, as_version=4).cells for o in sorted(nbs.glob('[0-9]*.ipynb'))}
text = {name: '\n\n'.join(c.source for c in page if c.cell_type == 'markdown' and '· builds on' not in c.source)
        for name, page in cells.items()}
pattern, anchors = words()

# What the lessons emphasise as one does in speech; every other emphasised word is a term, and wants an entry.
stressed = '''where same adds a b c one smaller is every worse right wrong all which each sum logarithm
    stochastic'''.split() + ['Deep Learning for Coders', 'in place']

# Words of the field, far more than the lessons use. A lesson that begins to use one needs an entry for it, under that
# name or another form.
field = [o.strip() for o in '''
    ablation, accuracy, activation function, Adam, AdamW, adversarial example, annealing, attention, autoencoder,
    autograd, automatic differentiation, axis, backpropagation, backward pass, bagging, baseline, batch, batch norm,
    batch size, bias, binary cross-entropy, boosting, bottleneck, broadcasting, calibration, callback, chain rule,
    channel, checkpoint, classifier, clipping, computational graph, confusion matrix, convergence, convolution, cosine
    annealing, cost function, covariance, cross-entropy, cross-validation, data augmentation, data leakage, decision
    boundary, decoder, derivative, dilation, distillation, divergence, dropout, early stopping, eigenvalue, embedding,
    encoder, ensemble, entropy, epoch, expected calibration error, exploding gradient, feature, feature map,
    fine-tuning, finite differences, forward pass, generalisation, gradient, gradient clipping, gradient descent,
    ground truth, Hessian, hidden layer, hidden unit, hyperparameter, inductive bias, inference, initialisation,
    Jacobian, kernel, L1 distance, L2 distance, label, label smoothing, layer norm, leaf, learning rate, learning-rate
    finder, least squares, likelihood, linear classifier, linear layer, linear regression, logistic regression, logit,
    log-sum-exp, loss, loss function, loss surface, matrix multiplication, matrix product, max pooling, mean absolute
    error, mean squared error, metric, mini-batch, mixed precision, momentum, multilayer perceptron, NaN, nearest
    neighbour, neural network, neuron, non-linearity, odds, one-cycle, one-hot, optimizer, outlier, overfitting,
    padding, parameter, perceptron, pixel, pooling, precision, prediction, pretrained, principal component, pruning,
    quantisation, random forest, recall, receptive field, regularisation, reinforcement, ReLU, residual block,
    resnet18, RMSE, RMSProp, root mean squared error, running average, saddle point, saturation, saturated, schedule,
    score, seed, SGD, shape, shuffling, sigmoid, skip connection, slope, softmax, softplus, standard deviation,
    stochastic gradient descent, stride, support vector, tanh, target, temperature, tensor, test set, training set,
    transfer learning, transformer, underfitting, universal approximation theorem, validation set, vanishing gradient,
    warmup, weight, weight decay, weight sharing'''.split(',')]


def split(page):
    """Each section of a page by its anchor: the source of its cells from heading to heading; None is what stands
    before the first"""
    sections, here = {}, None
    for cell in page:
        parts = re.split(r'^(## .*)', cell.source, flags=re.M) if cell.cell_type == 'markdown' else [cell.source]
        for part in parts:
            if cell.cell_type == 'markdown' and part.startswith('## '):
                here = re.sub(r'^[^a-z]+', '', re.sub(r'[^\w\s-]', '', part).strip().lower().replace(' ', '-'))
            sections[here] = f"{sections.get(here, '')}\n{part}"
    return sections


sections = {name: split(page) for name, page in cells.items()}


def uses(form, text): return re.search(rf'(?<![\w-])({"|".join(map(re.escape, plurals(form)))})(?![\w-])', text, re.I)


def test_glossary_is_in_alphabetical_order():
    titles = [o.title.lower() for o in glossary().values()]
    assert titles == sorted(titles) and len({*titles}) == len(titles)
    page = nbformat.read(nbs/'glossary.ipynb', as_version=4)
    letters = re.findall(r'^## (.)', '\n\n'.join(c.source for c in page.cells), re.M)
    assert letters == sorted({o[0].upper() for o in titles})


def test_no_form_stands_in_two_entries():
    forms = [o for entry in glossary().values() for o in {o.lower() for form in entry.forms for o in plurals(form)}]
    assert [o for o in forms if forms.count(o) > 1] == []


@pytest.mark.parametrize('lesson', text)
def test_each_word_of_the_field_is_defined(lesson):
    prose = re.sub(no_prose, ' ', text[lesson], flags=re.S | re.M)
    emphasised = {o for o in re.findall(r'(?<![*\w])\*([^*]+)\*(?!\*)', prose) if not o.endswith('.')}
    terms = emphasised - {*stressed} | {o for o in field if uses(o, text[lesson])}
    assert {o for o in terms if o.lower() not in anchors} == set(), 'a term wants an entry in nbs/glossary.ipynb'


@pytest.mark.parametrize('lesson', text)
def test_each_name_of_torch_is_claimed(lesson):
    "A layer, function or optimizer that the prose calls by its name belongs to an entry"
    named = {re.sub('^F', 'nn.functional', o) for o in re.findall(r'`(?:torch\.)?((?:nn|F|optim)\.\w+)`', text[lesson])}
    assert {o for o in named if f'`torch.{o}`' not in ' '.join(entry.names for entry in glossary().values())} == set()


@pytest.mark.parametrize('anchor', glossary())
def test_entry(anchor):
    import fastai.vision.all  # noqa: F401 (which gives the Learner its methods)
    entry = glossary()[anchor]
    assert len(re.findall(r'[.:?] [A-Z]|[.:?]$', entry.text)) <= 3 and len(entry.text) < 300, 'short'
    assert not re.search(r'["$|<]', entry.text), 'plain enough for a title'

    line = re.fullmatch(r'Lesson (\d+), \[[^\]]+\]\((\w+)\.ipynb(?:#([\w-]+))?\) · torch: (.+) · fastai: (.+)',
                        entry.names)
    assert line, entry.names
    number, lesson, section, *both = line.groups()
    assert int(number) == int(lesson[:2]) and section in sections[lesson]

    names = [o for part in both for o in re.findall(r'`((?:torch|fastai)\w*\.[\w.]+)`', part)]
    assert all('`' in part or part in ('no name', 'the same') for part in both)
    found = {o: resolve_name(o) for o in names}
    for arguments, function in re.findall(r'arguments? ([^·;]+?) of `([\w.]+)`', entry.names):
        target = getattr(found[function], '__init__', None) if inspect.isclass(found[function]) else found[function]
        known = f'{found[function].__doc__} {"" if inspect.isbuiltin(target) else inspect.signature(target)}'
        for argument in re.findall(r'`(\w+)`', arguments):
            assert re.search(rf'\b{argument}\b', known), (argument, function)

    spoken = [*entry.forms, *(o.split('.')[-1] for o in names), *re.findall(r'`(\w+)`', entry.names)]
    assert any(uses(o, sections[lesson][section]) for o in spoken), f'{lesson}#{section} does not build it'
    assert any(uses(o, c.source) for page in cells.values() for c in page for o in entry.forms), 'no lesson uses it'
