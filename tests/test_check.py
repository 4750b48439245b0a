"""check against right answers in many styles and plausible wrong ones, for each exercise: none is misjudged.

A row is an answer as a learner would write it, the last expression being what it returns; a wrong one is followed by
words that its message has to contain.
"""
import itertools
import math
import statistics  # noqa: F401 (the answers use it, and F)
import sys
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: F401

from mnist_under_hood import practice
from mnist_under_hood.exercises import EXERCISES, Draw
from mnist_under_hood.practice import Verdict, check

ANSWERS = {
    # Lesson 1
    'slice': ('''
        6131, 6, 14
        [6131, 6, 14]
        torch.zeros(6131, 28, 28)[:, 4:10, 14:].shape
        np.array([6131, 6, 14])
        torch.tensor([6131., 6, 14])
    ''', '''
        6131, 7, 14          # a slice stops before its end
        6131, 6, 13          # begins at column 14
        6131, 14, 6          # rows come before columns
        6131, 4, 14          # number at [1] is too small
        6131, 6, 14.1        # number at [2] has to be a whole number
        [(6131, 6, 14)]      # 3 numbers are wanted
        '6131, 6, 14'        # yours is str
    '''),
    'odometer': ('''
        4
        4.
        (250 + 10) % 256
        np.uint8(4)
        torch.tensor(250, dtype=torch.uint8) + 10
    ''', '''
        260                  # eight bits end at 255
        255                  # begins again at 0
        5                    # after 255 comes 0
        4.02                 # whole number
        -4                   # wrong sign
        [4]                  # a single number
    '''),
    'ink(images)': ('''
        images.mean((1, 2))
        images.flatten(1).mean(1)
        images.mean(-1).mean(-1)
        torch.einsum('nrc->n', images)/784
        np.mean(images.numpy(), axis=(1, 2))
        [image.sum().item()/784 for image in images]
        torch.stack([image.mean() for image in images])
        [sum(map(sum, image))/784 for image in images.tolist()]
    ''', '''
        images.mean()                           # you averaged over everything
        images.mean(0)                          # averaged over the pictures
        images.sum((1, 2))                      # that is the sum
        images.mean((1, 2)).round(decimals=2)   #  is right
        images.sum((1, 2))/256                  # times what it should be
        [images[i].mean() for i in range(6)]    # IndexError
        (images > 0).float().mean((1, 2))       #  is right
        images.median()                         # a single number in place of
        images.mean((1, 2)).squeeze()           # the numbers are right, but not their shape
    '''),
    'fraction(images)': ('''
        images.float()/255
        images/255
        images.double().div(255)
        images.numpy().astype('float32')/255
        torch.tensor(images.tolist())*(1/255)
        (images.tolist(), np.array(images)/255)[1]
        [[[pixel/255 for pixel in row] for row in image] for image in images.tolist()]
    ''', '''
        images.float()/256                      # not 256
        images.float()/images.max()             # the darkest pixel need not be full ink
        images.float()                          # Divide
        images//255                             # drops everything after the point
        1 - images.float()/255                  #  is right
        images.float()/255.1                    #  is right
        (images.float()/255).mean((1, 2))       # in place of numbers of shape
        images.float()/images.max().clamp_min(1)   #  is right
    '''),
    'labels(threes, sevens)': ('''
        torch.cat([torch.ones(threes, 1), torch.zeros(sevens, 1)])
        torch.tensor([1]*threes + [0]*sevens).unsqueeze(1)
        (torch.arange(threes + sevens) < threes).float()[:, None]
        np.vstack([np.ones((threes, 1)), np.zeros((sevens, 1))])
        [[1.]]*threes + [[0.]]*sevens
        [torch.ones(1) if i < threes else torch.zeros(1) for i in range(threes + sevens)]
    ''', '''
        torch.cat([torch.ones(threes), torch.zeros(sevens)])            # they lie in a row
        torch.cat([torch.zeros(threes, 1), torch.ones(sevens, 1)])      # other way round
        torch.cat([torch.zeros(sevens, 1), torch.ones(threes, 1)])      # the threes come first
        torch.cat([torch.ones(threes, 1), torch.zeros(threes, 1)])      # in place of numbers of shape
        [1.]*threes + [0.]*sevens                                       # they lie in a row
        torch.cat([torch.ones(1, threes), torch.zeros(1, sevens)], 1)   # rows and columns
        torch.cat([torch.full((threes, 1), 3), torch.full((sevens, 1), 7)])   #  is right
        torch.ones(threes, 1), torch.zeros(sevens, 1)                   # rows of a table
    '''),
    # Lesson 2
    'broadcast': ('''
        5, 7, 28
        [5, 7, 28]
        torch.Size([5, 7, 28])
        np.broadcast_shapes((5, 1, 28), (7, 28))
        (torch.zeros(5, 1, 28) + torch.zeros(7, 28)).shape
    ''', '''
        5, 1, 28             # repeated until it fits
        7, 28                # no axis gets lost
        7, 5, 28             # aligned on the right
        35, 28               # axes are not merged
        5, 7, 29             # number at [2] is too large
        torch.zeros(5, 7, 28)   # 3 numbers are wanted
        5*7*28               # 3 numbers are wanted
    '''),
    'l1(images, mean)': ('''
        (images - mean).abs().mean((1, 2))
        (mean - images).abs().sum((-1, -2))/784
        abs(images - mean).flatten(1).mean(1)
        np.abs(images.numpy() - mean.numpy()).mean(axis=(1, 2))
        [F.l1_loss(image, mean) for image in images]
        images.sub_(mean).abs_().mean((1, 2))
        [(image - mean).norm(1)/784 for image in images]
        [sum(abs(a - b) for a, b in zip(image.flatten().tolist(), mean.flatten().tolist()))/784 for image in images]
    ''', '''
        (images - mean).mean((1, 2))                     # cancel
        (images - mean).mean((1, 2)).abs()               # it has to come first
        (images - mean).abs().sum((1, 2))                # that is the sum
        (images - mean).abs().mean()                     # keep one distance for each
        F.l1_loss(images, mean)                          # keep one distance for each
        ((images - mean)**2).mean((1, 2)).sqrt()         #  is right
        (images - mean).abs().mean((0, 1))               # in place of numbers of shape
        (images - images.mean(0)).abs().mean((1, 2))     #  is right
    '''),
    'rmse(a, b)': ('''
        ((a - b)**2).mean().sqrt()
        F.mse_loss(a, b).sqrt()
        math.sqrt(((a - b)**2).mean())
        np.sqrt(np.mean((a.numpy() - b.numpy())**2))
        (a - b).norm()/28
        torch.dist(a, b)/a.numel()**0.5
        (sum((x - y)**2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist()))/784)**0.5
        a.sub_(b).square_().mean().sqrt_()
    ''', '''
        ((a - b)**2).mean()              # the root is missing
        ((a - b)**2).sum().sqrt()        # the mean is missing
        ((a - b)**2).sqrt().mean()       # makes it L1
        ((a - b).mean()**2).sqrt()       # differences of both signs have cancelled
        (a - b).abs().mean()             # makes it L1
        (a - b).std()                    #  is right
        ((a - b)**2).mean(1).sqrt()      # in place of a single number
        ((a + b)**2).mean().sqrt()       #  is right
    '''),
    'share(preds, targets)': ('''
        (preds == targets).float().mean()
        (preds == targets).sum()/len(preds)
        (preds == targets).sum().item()/targets.numel()
        np.mean(preds.numpy() == targets.numpy())
        1 - (preds != targets).double().mean()
        sum(p == t for p, t in zip(preds.flatten().tolist(), targets.flatten().tolist()))/len(preds)
        torch.eq(preds, targets).float().mean().item()
        Fraction(int((preds == targets).sum()), len(preds))
    ''', '''
        (preds == targets).sum()                    # divide by how many there are
        (preds != targets).float().mean()           # share of the wrong ones
        (preds[:, 0] == targets).float().mean()     # every prediction was compared with every target
        (preds == targets).sum()/30                 # is right
        (preds == targets).float()                  # in place of a single number
        (preds*targets).float().mean()              #  is right
        (preds == targets).all()                    #  is right
        100*(preds == targets).float().mean()       # 100 times
        torch.equal(preds, targets)                 #  is right
    '''),
    'table of mistakes(verdicts, targets)': ('''
        torch.stack([((targets == t) & (verdicts == v)).sum() for t in (1, 0) for v in (1, 0)]).reshape(2, 2)
        [[((verdicts == v) & (targets == t)).sum().item() for v in (1, 0)] for t in (1, 0)]
        torch.bincount((3 - 2*targets - verdicts).flatten(), minlength=4).view(2, 2)
        torch.stack([torch.stack([o.sum(), len(o) - o.sum()]) for o in (verdicts[targets == 1], verdicts[targets == 0])])
        torch.cat([targets, 1 - targets], 1).T @ torch.cat([verdicts, 1 - verdicts], 1)
        np.array([[(verdicts*targets).sum(), ((1 - verdicts)*targets).sum()], [(verdicts*(1 - targets)).sum(), ((1 - verdicts)*(1 - targets)).sum()]])
    ''', '''
        torch.cat([verdicts, 1 - verdicts], 1).T @ torch.cat([targets, 1 - targets], 1)                       # other way round
        torch.bincount((2*targets + verdicts).flatten(), minlength=4).view(2, 2)                              # the threes come first
        torch.bincount((2 - 2*targets + verdicts).flatten(), minlength=4).view(2, 2)                          # begins with what was called a three
        torch.bincount((3 - 2*targets - verdicts).flatten(), minlength=4)                                     # two rows of two
        torch.stack([((targets == t) & (verdicts[:, 0] == v)).sum() for t in (1, 0) for v in (1, 0)]).view(2, 2)   # every target
        torch.bincount((3 - 2*targets - verdicts).flatten(), minlength=4).view(2, 2)/len(targets)             #  is right
        (verdicts != targets).sum()                                                                           # a single number in place of
    '''),
    # Lesson 3
    'grad twice': ('''
        12
        12.
        2*(2*3)
        Fraction(12)
        torch.tensor([3., 3.]).mul(2).sum()
    ''', '''
        6                    # that is one call
        9                    # that is the value
        18                   # and not x²
        36                   # do not multiply
        12.04                # whole number
        0                    # too small
        -12                  # wrong sign
    '''),
    'across': ('''
        -0.96
        -1.5*(1 - 0.9*2)**2
        -1.5*0.64
        torch.tensor(-0.96)
        np.float32(-0.96)
        Fraction(-24, 25)
    ''', '''
        1.2                  # where the first step ends
        0.96                 # back on the side
        -11.76               # uphill
        -0.015               # the factor is
        -0.97                # close
        -1.5                 # too
        0                    # too
    '''),
    'chain slope(w, x, y)': ('''
        (2*(w*x - y)*x).mean()
        2*((w*x - y)*x).mean()
        2*((w*x - y) @ x)/len(x)
        np.mean(2*(w*x.numpy() - y.numpy())*x.numpy())
        sum(2*(w*a - b)*a for a, b in zip(x.tolist(), y.tolist()))/len(y)
        torch.func.grad(lambda w: ((w*x - y)**2).mean())(torch.tensor(float(w)))
    ''', '''
        (2*(w*x - y)).mean()             # moves each of them by x
        ((w*x - y)*x).mean()             # twice what is squared
        (2*(w*x - y)*x).sum()            # that is the sum
        ((w*x - y)**2).mean()            # the loss itself
        2*(w*x - y).mean()*x.mean()      # before the mean
        2*(w*x - y)*x                    # in place of a single number
        (2*(y - w*x)*x).mean()           # -1 times
    '''),
    'slowest(curvatures, lr)': ('''
        (1 - lr*curvatures).abs().max()
        max(abs(1 - lr*o) for o in curvatures.tolist())
        np.abs(1 - lr*curvatures.numpy()).max()
        torch.linalg.vector_norm(1 - lr*curvatures, float('inf'))
        max((1 - lr*curvatures).max(), (lr*curvatures - 1).max())
    ''', '''
        (1 - lr*curvatures).max()            # nine tenths
        (1 - lr*curvatures).abs().min()      # fastest
        (1 - lr*curvatures.max()).abs()      # most curved
        (1 - lr*curvatures.min()).abs()      # flattest
        (1 - lr*curvatures).abs()            # in place of a single number
        (1 - lr*curvatures).abs().mean()     #  is right
    '''),
    'debug descent(x, slope, lr, n)': ('''
        descended(x, slope, lr, n)
        descended(x, slope, lr, n) + 0.
        descended(x, lambda x: lr*slope(x), 1, n)
        torch.tensor(descended(x, slope, lr, n))
        [*itertools.accumulate(range(n), lambda x, _: x - lr*slope(x), initial=x)][-1]
    ''', '''
        descended(x, slope, -lr, n)          # uphill
        descended(x, slope, lr, n + 1)       # one step too many
        x - n*lr*slope(x)                    # Ask for the slope again
        x - (n + 1)*lr*slope(x)              # one step too many
        x + (n + 1)*lr*slope(x)              # as it was
        descended(x, slope, lr, n - 1)       #  is right
    '''),
    # Lesson 4
    'undecided': ('''
        0.5
        1/2
        torch.tensor(0.).sigmoid()
        1/(1 + math.exp(0))
        Decimal('0.5')
    ''', '''
        0                    # makes one half of it
        1                    # one half
        0.25                 # the slope of the sigmoid
        math.log(2)          # another loss
        128                  # too large
        0.51                 # close
    '''),
    'gradient shape': ('''
        784, 1
        [784, 1]
        torch.Size([784, 1])
        np.array([784, 1])
        torch.zeros(784, 1).shape
    ''', '''
        (784,)               # the weights are a column
        1, 784               # changed places
        256, 784             # one slope for each weight
        256, 1               # the shape of the scores
        784                  # 2 numbers are wanted
        784, 2               # number at [1] is too large
    '''),
    'mean slope(scores)': ('''
        p = scores.sigmoid(); (p*(1 - p)).mean()
        (scores.sigmoid()*scores.neg().sigmoid()).mean()
        scores.requires_grad_(); scores.sigmoid().sum().backward(); scores.grad.mean()
        torch.autograd.grad(scores.requires_grad_().sigmoid().mean(), scores)[0].sum()
        (1/(2 + scores.exp() + (-scores).exp())).mean()
        ((1 - torch.tanh(scores/2)**2)/4).mean()
        np.mean([math.exp(-s)/(1 + math.exp(-s))**2 for s in scores.flatten().tolist()])
        F.sigmoid(scores).mul(1 - F.sigmoid(scores)).sum()/len(scores)
    ''', '''
        scores.sigmoid().mean()                                       # How steep are they
        scores.sigmoid()*(1 - scores.sigmoid())                       # their mean is wanted
        (scores.sigmoid()*(1 - scores.sigmoid())).sum()               # that is the sum
        p = scores.mean().sigmoid(); p*(1 - p)                        # the slope at the mean score
        p = scores.sigmoid().mean(); p*(1 - p)                        # too early
        (scores*(1 - scores)).mean()                                  # not the score
        scores.sigmoid().diff(dim=0).mean()                           #  is right
        (scores.sigmoid()*(1 + scores.sigmoid())).mean()              #  is right
    '''),
    'loss(preds, targets)': ('''
        torch.where(targets == 1, 1 - preds.sigmoid(), preds.sigmoid()).mean()
        (targets - preds.sigmoid()).abs().mean()
        F.l1_loss(preds.sigmoid(), targets.float())
        (targets*(1 - preds.sigmoid()) + (1 - targets)*preds.sigmoid()).mean()
        ((1 - 2*targets)*preds).sigmoid().mean()
        (1 - 1/(1 + np.exp(np.where(targets == 1, -preds, preds)))).mean()
        sum(1/(1 + math.exp(p if t else -p)) for p, t in zip(preds[:, 0].tolist(), targets[:, 0].tolist()))/len(preds)
        preds.sigmoid_(); preds[targets == 1] = 1 - preds[targets == 1]; preds.mean()
    ''', '''
        torch.where(targets == 1, 1 - preds, preds).mean()                                 # the sigmoid is missing
        torch.where(targets == 1, preds.sigmoid(), 1 - preds.sigmoid()).mean()             # the other way round
        torch.where(targets == 1, 1 - preds.sigmoid(), preds.sigmoid()).sum()              # that is the sum
        torch.where(targets == 1, 1 - preds.sigmoid(), preds.sigmoid())                    # in place of a single number
        ((targets - preds.sigmoid())**2).mean()                                            #  is right
        F.binary_cross_entropy_with_logits(preds, targets.float())                         #  is right
        torch.where(targets[:, 0] == 1, 1 - preds.sigmoid(), preds.sigmoid()).mean()       #  is right
        torch.where(targets == 1, 1 - preds.sigmoid(), preds.sigmoid()).sum()/8            #  is right
        torch.where(targets == 1, 1 - preds.sigmoid().sigmoid(), preds.sigmoid().sigmoid()).mean()   #  is right
    '''),
    'right side(preds, targets)': ('''
        ((preds > 0).long() == targets).float().mean()
        ((preds > 0) == (targets == 1)).double().mean()
        torch.where(targets == 1, preds > 0, preds < 0).float().mean()
        ((preds >= 0) == targets).sum()/len(preds)
        np.mean((preds.numpy() > 0) == targets.numpy())
        sum((p > 0) == (t == 1) for p, t in zip(preds[:, 0], targets[:, 0]))/len(preds)
        (preds*(2*targets - 1) > 0).float().mean()
        1 - ((preds > 0).int() ^ targets).float().mean()
    ''', '''
        ((preds > 0.5).long() == targets).float().mean()            # For the score itself it is 0
        ((preds < 0).long() == targets).float().mean()              # yours is inverted
        ((preds > 0).long() == targets).sum()                       # the share is wanted
        ((preds > 0).long() == targets[:, 0]).float().mean()        #  is right
        (preds.sigmoid() == targets).float().mean()                 # nothing but zeros
        (preds > 0).float().mean()                                  #  is right
        ((preds > 0).long() == targets).sum()/40                    #  is right
        (preds.round() == targets).float().mean()                   #  is right
    '''),
    # Lesson 5
    'first Adam step': ('''
        0.1
        1/10
        0.1*1000/math.sqrt(1000**2)
        torch.tensor(0.1)
        0.09999999
    ''', '''
        100                  # Adam divides
        1000                 # that is the gradient
        0.316                # correction
        0.01                 # too small
        -0.1                 # wrong sign
        0.11                 # too large
    '''),
    'momentum(w, velocity, grad, lr, mom)': ('''
        w - lr*(mom*velocity + grad)
        velocity = mom*velocity + grad; w - lr*velocity
        velocity.mul_(mom).add_(grad); w.sub_(velocity, alpha=lr)
        w.numpy() - lr*(mom*velocity.numpy() + grad.numpy())
        [a - lr*(mom*v + g) for a, v, g in zip(w.tolist(), velocity.tolist(), grad.tolist())]
        w - lr*mom*velocity - lr*grad
        torch.add(w, torch.add(grad, velocity, alpha=mom), alpha=-lr)
    ''', '''
        w - lr*(velocity + grad)                 # the old velocity has to fade
        w - lr*grad                              # without momentum
        w + lr*(mom*velocity + grad)             # uphill
        w - lr*(mom*velocity + (1 - mom)*grad)   # scaled by 1 − mom
        w - mom*velocity - lr*grad               # the rate belongs to the whole step
        w - lr*(velocity + mom*grad)             #  is right
        w - lr*(0.9*velocity + grad)             #  is right
        mom*velocity + grad                      #  is right
        w - lr*(grad + mom*(mom*velocity + grad))   #  is right
    '''),
    'two steps(x, lr)': ('''
        by_backward(x, lr)
        y = x - lr*4*x**3; y - lr*4*y**3
        x -= lr*4*x**3; x -= lr*4*x**3; x
        [(y := o - lr*4*o**3) - lr*4*y**3 for o in x.tolist()]
        by_an_optimizer(x, lr)
        y = x.numpy() - 4*lr*x.numpy()**3; y - 4*lr*y**3
        slope = torch.func.grad(lambda x: (x**4).sum()); y = x - lr*slope(x); y - lr*slope(y)
    ''', '''
        by_backward(x, lr, forget=False)         # empty x.grad
        x - lr*4*x**3                            # that is one step
        x - 2*lr*4*x**3                          # call backward again
        y = x + lr*4*x**3; y + lr*4*y**3         # uphill
        y = x - lr*x**3; y - lr*y**3             #  is right
        (x**4).sum().backward()                  # does not require grad
        y = x - lr*4*x**3; y - lr*4*x**3         # call backward again
        by_backward(x, 0.05)                     #  is right
        x                                        #  is right
    '''),
    'corrected(grads, beta)': ('''
        running(grads, beta)/(1 - beta**len(grads))
        weights = beta**torch.arange(len(grads) - 1, -1, -1.); (weights*grads).sum()/weights.sum()
        sum((1 - beta)*beta**i*g for i, g in enumerate(reversed(grads.tolist())))/(1 - beta**len(grads))
        np.average(grads.numpy(), weights=beta**np.arange(len(grads))[::-1])
        torch.stack([(1 - beta)*beta**(len(grads) - 1 - i)*g for i, g in enumerate(grads)]).sum()/(1 - beta**len(grads))
        running(grads.tolist(), beta)/(1 - math.pow(beta, len(grads)))
    ''', '''
        running(grads, beta)                             # the correction is missing
        running(grads, beta)/(1 - beta)                  # depends on the number of steps
        running(grads, beta)*(1 - beta**len(grads))      # divide
        grads.mean()                                     # plain mean
        running(grads, beta)/(1 - beta**5)               #  is right
        running(grads, beta)/(1 - beta**(len(grads) - 1))   #  is right
        running(grads.flip(0), beta)/(1 - beta**len(grads))   #  is right
        running(grads, 1 - beta)/(1 - beta**len(grads))  #  is right
        running(grads**2, beta)/(1 - beta**len(grads))   #  is right
        running(grads, 0.9)/(1 - 0.9**len(grads))        #  is right
    '''),
    'decay step(w, grad, lr, wd)': ('''
        w*(1 - lr*wd) - lr*grad
        w - lr*wd*w - lr*grad
        w - lr*(grad + wd*w)
        w.mul_(1 - lr*wd).sub_(grad, alpha=lr)
        w.numpy()*(1 - lr*wd) - lr*grad.numpy()
        [a*(1 - lr*wd) - lr*b for a, b in zip(w.tolist(), grad.tolist())]
    ''', '''
        w - lr*grad                          # without decay
        w*(1 - wd) - lr*grad                 # belongs to the decay
        w*(1 + lr*wd) - lr*grad              # makes a weight smaller
        w*(1 - lr*wd) + lr*grad              # uphill
        (w - lr*grad)*(1 - lr*wd)            # you shrank the gradient too
        w*(1 - lr*wd)                        #  is right
    '''),
    # Lesson 6
    'batches': ('''
        245
        5*49
        5*math.ceil(12396/256)
        5*(-(-12396//256))
        torch.tensor(245.)
    ''', '''
        49                   # one epoch
        240                  # the last batch
        243                  # Round up before
        12396*5/256          # round up to whole steps
        242                  # round up to whole steps
        246                  # too large
        245.4                # whole number
    '''),
    'weighted(values, sizes)': ('''
        (values*sizes).sum()/sizes.sum()
        torch.dot(values, sizes.float())/sizes.sum()
        values @ (sizes/sizes.sum())
        np.average(values.numpy(), weights=sizes.numpy())
        sum(v*s for v, s in zip(values, sizes))/sum(sizes)
        sum(v*s for v, s in zip(values.tolist(), sizes.tolist()))/sum(sizes.tolist())
        values.repeat_interleave(sizes).mean()
    ''', '''
        values.mean()                                # the last one is smaller
        (values*sizes).mean()                        # by the number of pictures
        (values*sizes).sum()                         # the division by the number of pictures
        (values*sizes).sum()/len(values)             # by the number of pictures
        (values*sizes).sum()/(256*len(values))       #  is right
        (values/sizes).sum()*sizes.sum()             #  is right
        values*sizes/sizes.sum()                     # in place of a single number
        (values[:-1]*256).sum() + values[-1]*sizes[-1]   #  is right
        sum(values[i]*sizes[i] for i in range(8))/sizes.sum()   # IndexError
    '''),
    'cosine(start, end, share)': ('''
        end + (start - end)*(1 + math.cos(math.pi*share))/2
        start + (end - start)*(1 - math.cos(math.pi*share))/2
        start + (end - start)*math.sin(math.pi*share/2)**2
        end + (start - end)*(1 + np.cos(np.pi*share))/2
        end + (start - end)*(1 + torch.cos(torch.tensor(math.pi*share)))/2
        weight = (math.cos(math.pi*share) + 1)/2; weight*start + (1 - weight)*end
        (start + end)/2 + (start - end)/2*math.cos(math.pi*share)
    ''', '''
        start + (end - start)*share                                # straight line
        start + (end - start)*(1 + math.cos(math.pi*share))/2      # backwards
        end + (start - end)*math.cos(math.pi*share)                # add 1 and halve
        end + (start - end)*(1 + math.cos(share))/2                #  is right
        start + (end - start)*math.sin(math.pi*share/2)            #  is right
        end + (start - end)*math.cos(math.pi*share/2)              #  is right
        end + (start - end)*(1 + math.cos(180*share))/2            #  is right
        start*(end/start)**share                                   # ZeroDivisionError
        (start - end)*(1 + math.cos(math.pi*share))/2              #  is right
    '''),
    'sweep(start, end, n, i)': ('''
        start*(end/start)**(i/n)
        start**(1 - i/n)*end**(i/n)
        math.exp(math.log(start) + i/n*(math.log(end) - math.log(start)))
        start*((end/start)**(1/n))**i
        math.prod([start] + [(end/start)**(1/n)]*i)
        np.geomspace(start, end, n + 1)[i]
        torch.logspace(math.log10(start), math.log10(end), n + 1)[i]
        10**(math.log10(start)*(1 - i/n) + math.log10(end)*i/n)
    ''', '''
        start + (end - start)*i/n                    # by the same factor
        end*(start/end)**(i/n)                       # from end to start
        start*(end/start)**(1/n)                     # one step of the sweep
        start*(end/start)**i                         # n-th root
        start*(end/start)**(i/(n - 1))               #  is right
        np.geomspace(start, end, n)[min(i, n - 1)]   #  is right
        1e-4*(1/1e-4)**(i/8)                         #  is right
        start*(end/start)**((i + 1)/n)               #  is right
        start*(end - start)**(i/n)                   #  is right
        start*2**i                                   #  is right
    '''),
    # Lesson 7
    'kinks': ('''
        1
        1.
        len([1])
        torch.tensor([1]).sum()
        np.int64(1)
    ''', '''
        3                    # straight line
        2                    # mirror image
        0                    # nothing straightens
        4                    # too large
        1.5                  # whole number
        [1]                  # a single number
    '''),
    'larger(a, b)': ('''
        torch.maximum(a, b)
        a + (b - a).relu()
        b + F.relu(a - b)
        torch.where(a > b, a, b)
        np.maximum(a.numpy(), b.numpy())
        [max(p, q) for p, q in zip(a.tolist(), b.tolist())]
        (a + b + (a - b).relu() + (b - a).relu())/2
        torch.stack([a, b]).max(0).values
    ''', '''
        torch.minimum(a, b)              # the smaller one
        a.relu() + (b - a).relu()        #  is right
        (a - b).relu()                   # add b
        (b - a).relu()                   # add a
        a + (a - b).relu()               # already the larger one
        (a - b).abs()                    # how far the two are apart
        torch.maximum(a.relu(), b.relu())   # where both are positive
        a.relu() + b.relu()              #  is right
        a                                #  is right
        max(a.max(), b.max())            # a single number in place of
        max(a, b) if len(a) == 1 else a  #  is right
    '''),
    'folded bias(w1, b1, w2, b2)': ('''
        b1 @ w2 + b2
        torch.zeros(1, len(w1)) @ w1 @ w2 + (b1[None] @ w2)[0] + b2; b1 @ w2 + b2
        (w2*b1[:, None]).sum(0) + b2
        w2.T @ b1 + b2
        torch.einsum('h,ho->o', b1, w2) + b2
        b1.numpy() @ w2.numpy() + b2.numpy()
        F.linear(b1, w2.T, b2)
        [sum(b*w for b, w in zip(b1.tolist(), column)) + b for column, b in zip(w2.T.tolist(), b2.tolist())]
        (torch.zeros(len(w1)) @ w1 + b1) @ w2 + b2
    ''', '''
        b1 + b2                                  # multiply it by w2
        b1 @ w2                                  # adds its own bias
        w2 @ b1 + b2                             # on the left of w2
        w1 @ w2                                  # those are the weights
        b2                                       #  is right
        (b1 @ w2 + b2)[None]                     # but not their shape
        (b1 + b2) @ w2                           # RuntimeError
        b1 @ w2 - b2                             #  is right
        w1 @ w2 + b1 @ w2 + b2                   # in place of numbers of shape
    '''),
    'push': ('''
        -0.8
        0.2 - 1
        torch.tensor(-0.8)
        np.float32(-0.8)
        -4/5
    ''', '''
        0.8                  # makes the loss smaller
        -0.16                # the slope of mnist_loss
        0.2                  # how much of it is missing
        1.609                # its slope is wanted
        -5                   # too large
        [-0.8]               # a single number
    '''),
    'no overflow(scores, targets)': ('''
        F.binary_cross_entropy_with_logits(scores, targets.float(), reduction='none')
        scores.relu() - scores*targets + (1 + (-scores.abs()).exp()).log()
        scores.clamp_min(0) - scores*targets + torch.log1p(torch.exp(-scores.abs()))
        F.softplus(torch.where(targets == 1, -scores, scores))
        -F.logsigmoid(torch.where(targets == 1, scores, -scores))
        torch.logaddexp(torch.zeros_like(scores), scores) - scores*targets
        -torch.where(targets == 1, F.logsigmoid(scores), F.logsigmoid(-scores))
        [max(s, 0) - s*t + math.log1p(math.exp(-abs(s))) for s, t in zip(scores.tolist(), targets.tolist())]
    ''', '''
        -torch.where(targets == 1, scores.sigmoid().log(), (1 - scores.sigmoid()).log())   # exponent at 0 or below
        torch.where(targets == 1, (1 + (-scores).exp()).log(), (1 + scores.exp()).log())   # exponent at 0 or below
        F.softplus(torch.where(targets == 1, scores, -scores))                             # turned around
        F.binary_cross_entropy_with_logits(scores, targets.float())                        # not their mean
        torch.where(targets == 1, 1 - scores.sigmoid(), scores.sigmoid())                  # that is mnist_loss
        F.binary_cross_entropy(scores.sigmoid(), targets.float(), reduction='none')        #  is right
        -(scores.sigmoid() + 1e-7).log()                                                   #  is right
        scores.relu() - scores*targets                                                     #  is right
    '''),
    # Lesson 8
    'kernels': ('''
        9472
        64*3*7*7 + 64
        64*(3*7**2 + 1)
        sum(p.numel() for p in torch.nn.Conv2d(3, 64, 7).parameters())
        9472.
    ''', '''
        9408                 # the biases are missing
        3200                 # for every incoming channel
        9411                 # and there are 64
        1408                 # 7 rows and 7 columns
        9473                 # too large
        147                  # too small
        9472.3               # whole number
    '''),
    'output size(n, kernel, padding, stride)': ('''
        (n + 2*padding - kernel)//stride + 1
        math.floor((n + 2*padding - kernel)/stride) + 1
        int((n + 2*padding - kernel)/stride + 1)
        len(range(0, n + 2*padding - kernel + 1, stride))
        F.conv2d(torch.zeros(1, 1, n, n), torch.zeros(1, 1, kernel, kernel), padding=padding, stride=stride).shape[-1]
        sum(left % stride == 0 for left in range(n + 2*padding - kernel + 1))
        (n + 2*padding - kernel + stride)//stride
    ''', '''
        (n + 2*padding - kernel)//stride             # count the places
        (n + padding - kernel)//stride + 1           # on both sides
        (n + 2*padding - kernel)/stride + 1          # halfway
        (28 + 2*padding - kernel)//stride + 1        #  is right
        math.ceil((n + 2*padding - kernel)/stride) + 1   #  is right
        (n + 2*padding - kernel + 1)//stride         #  is right
        round((n + 2*padding - kernel)/stride) + 1   #  is right
        (n + 2*padding)//stride                      #  is right
        n//stride                                    #  is right
        n + 2*padding - kernel + 1                   #  is right
    '''),
    'convolution(image, kernel)': ('''
        F.conv2d(image[None, None], kernel[None, None])[0, 0]
        torch.tensor([[(image[r:r + 3, c:c + 3]*kernel).sum() for c in range(6)] for r in range(6)])
        [[(image[r:r + 3, c:c + 3]*kernel).sum() for c in range(6)] for r in range(6)]
        sum(kernel[r, c]*image[r:r + 6, c:c + 6] for r in range(3) for c in range(3))
        torch.einsum('rcij,ij->rc', image.unfold(0, 3, 1).unfold(1, 3, 1), kernel)
        np.einsum('rcij,ij->rc', np.lib.stride_tricks.sliding_window_view(image.numpy(), (3, 3)), kernel.numpy())
        (F.unfold(image[None, None], 3)[0]*kernel.reshape(9, 1)).sum(0).view(6, 6)
        out = torch.empty(6, 6); [out[r, c].copy_((image[r:r + 3, c:c + 3]*kernel).sum()) for r in range(6) for c in range(6)]; out
    ''', '''
        F.conv2d(image[None, None], kernel.flip(0, 1)[None, None])[0, 0]             # turned round
        F.conv2d(image[None, None], kernel.T[None, None])[0, 0]                      # kernel have changed places
        F.conv2d(image[None, None], kernel[None, None]/9)[0, 0]                      # the sum is wanted
        F.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0]             # a frame of padding
        F.conv2d(image[None, None], kernel[None, None])                              # but not their shape
        F.conv2d(image[None, None], kernel[None, None])[0, 0].T                      # rows and columns of your result
        [[(image[r:r + 3, c:c + 3]*kernel).sum() for c in range(5)] for r in range(5)]   # in place of numbers of shape
        [[(image[r:r + 3, c:c + 3]*kernel).max() for c in range(6)] for r in range(6)]   #  is right
        [[(image[r:r + 3, c:c + 3] @ kernel).sum() for c in range(6)] for r in range(6)]   #  is right
        F.conv2d(image[None, None], kernel[None, None])[0, 0].relu()                 #  is right
    '''),
    'moving kernel(down, right)': ('''
        kernel = torch.zeros(3, 3); kernel[1 - down, 1 - right] = 1; kernel
        [[float((r, c) == (1 - down, 1 - right)) for c in range(3)] for r in range(3)]
        torch.eye(9)[3*(1 - down) + 1 - right].view(3, 3)
        torch.tensor([[0., 0, 0], [0, 1, 0], [0, 0, 0]]).roll((-down, -right), (0, 1))
        F.pad(torch.ones(1, 1), (1 - right, 1 + right, 1 - down, 1 + down))
        np.outer(np.arange(3) == 1 - down, np.arange(3) == 1 - right).astype(float)
    ''', '''
        kernel = torch.zeros(3, 3); kernel[1 + down, 1 + right] = 1; kernel        # the other way
        kernel = torch.zeros(3, 3); kernel[1 - right, 1 - down] = 1; kernel        # down and right have changed places
        kernel = torch.zeros(3, 3); kernel[1, 1] = 1; kernel                       # moves nothing
        kernel = torch.zeros(3, 3); kernel[1 - down, 1 - right] = 1/9; kernel      # add up to 1
        kernel = torch.zeros(3, 3); kernel[1 - down, 1 + right] = 1; kernel        #  is right
        kernel = torch.zeros(1, 1, 3, 3); kernel[0, 0, 1 - down, 1 - right] = 1; kernel   # but not their shape
        torch.zeros(3, 3)                                                          # nothing but zeros
    '''),
    'receptive field(strides)': ('''
        1 + 2*sum(math.prod(strides[:i]) for i in range(len(strides)))
        width = 1; [width := (width - 1)*stride + 3 for stride in strides[::-1]]; width
        3 + 2*sum(math.prod(strides[:i + 1]) for i in range(len(strides) - 1))
        [*itertools.accumulate(reversed(strides), lambda width, stride: (width - 1)*stride + 3, initial=1)][-1]
        1 + 2*sum([1, *itertools.accumulate(strides[:-1], lambda a, b: a*b)])
    ''', '''
        1 + 2*sum(math.prod(strides[:i + 1]) for i in range(len(strides)))     # own stride
        1 + 2*len(strides)                                                     # right for strides of 1
        math.prod(strides)                                                     # not how wide
        3**len(strides)                                                        # overlap
        1 + 2*sum(max(1, sum(strides[:i])) for i in range(len(strides)))       # they do not add up
        width = 1; [width := (width - 1)*stride + 3 for stride in strides]; width   #  is right
        3                                                                      #  is right
    '''),
    # Lesson 9
    'block weights': ('''
        230144
        64*128*9 + 128*128*9 + 64*128 + 3*2*128
        230144.
        sum(p.numel() for p in __import__('torchvision').models.resnet.BasicBlock(64, 128, 2, torch.nn.Sequential(torch.nn.Conv2d(64, 128, 1, 2, bias=False), torch.nn.BatchNorm2d(128))).parameters())
        torch.tensor(230144)
    ''', '''
        221696               # the way around has a convolution too
        229376               # a scale and a shift
        156416               # takes 128 channels
        230528               # no biases
        230144.5             # whole number
        '230144'             # yours is str
    '''),
    'batch norm(x)': ('''
        (x - x.mean((0, 2, 3), keepdim=True))/x.std((0, 2, 3), keepdim=True, correction=0)
        (x - x.mean((0, 2, 3), keepdim=True))/(x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
        F.batch_norm(x, None, None, training=True)
        torch.nn.BatchNorm2d(x.shape[1])(x)
        (x - (m := x.mean((0, 2, 3), keepdim=True)))/((x**2).mean((0, 2, 3), keepdim=True) - m**2).sqrt()
        torch.stack([(x[:, c] - x[:, c].mean())/x[:, c].std(correction=0) for c in range(x.shape[1])], 1)
        a = x.numpy(); (a - a.mean((0, 2, 3), keepdims=True))/a.std((0, 2, 3), keepdims=True)
        x -= x.mean((0, 2, 3), keepdim=True); x /= (x*x).mean((0, 2, 3), keepdim=True).sqrt(); x
        v = x.transpose(0, 1).flatten(1); ((v - v.mean(1, keepdim=True))/v.std(1, keepdim=True, correction=0)).view_as(x.transpose(0, 1)).transpose(0, 1)
    ''', '''
        (x - x.mean())/x.std(correction=0)                                                        # each channel has its own
        (x - x.mean((2, 3), keepdim=True))/x.std((2, 3), keepdim=True, correction=0)              # are taken together
        x/x.std((0, 2, 3), keepdim=True, correction=0)                                            # subtracted first
        (x - x.mean((0, 2, 3), keepdim=True))/x.var((0, 2, 3), keepdim=True, correction=0)        # its root is wanted
        (x - x.mean((0, 2, 3), keepdim=True))/x.std((0, 2, 3), keepdim=True)                      # correction=0
        x - x.mean((0, 2, 3), keepdim=True)                                                       #  is right
        (x - x.mean(0))/(x.std(0, correction=0) + 1)                                              #  is right
        (x - x.mean(1, keepdim=True))/(x.std(1, keepdim=True, correction=0) + 1)                  #  is right
        F.layer_norm(x, x.shape[1:])                                                              #  is right
        (x - x.amin((0, 2, 3), keepdim=True))/(x.amax((0, 2, 3), keepdim=True) - x.amin((0, 2, 3), keepdim=True))   #  is right
    '''),
    'running mean(running, x)': ('''
        0.9*running + 0.1*x.mean((0, 2, 3))
        running + 0.1*(x.mean((0, 2, 3)) - running)
        torch.lerp(running, x.mean((0, 2, 3)), 0.1)
        running*0.9 + x.transpose(0, 1).flatten(1).mean(1)/10
        [0.9*running[c] + 0.1*x[:, c].mean() for c in range(len(running))]
        F.batch_norm(x, running, torch.ones(len(running)), training=True, momentum=0.1); running
    ''', '''
        0.1*running + 0.9*x.mean((0, 2, 3))                # the other way round
        0.9*running + 0.1*x.mean()                         # each channel has a mean of its own
        running + 0.1*x.mean((0, 2, 3))                    # kept in full
        x.mean((0, 2, 3))                                  # the old one is forgotten
        0.9*running + 0.1*x.sum((0, 2, 3))                 # the sum over the batch
        (running + x.mean((0, 2, 3)))/2                    #  is right
    '''),
    'way around(x, first, second)': ('''
        x = (x + first(x)).clamp(min=0); (x + second(x)).clamp(min=0)
        F.relu((a := F.relu(x + first(x))) + second(a))
        [x := (f(x) + x).relu() for f in (first, second)][-1]
        list(itertools.accumulate((first, second), lambda x, f: torch.maximum(x + f(x), torch.zeros_like(x)), initial=x))[-1]
        [x := (x + f(x))*(x + f(x) > 0) for f in (first, second)][-1].numpy()
    ''', '''
        second(first(x).relu()).relu()                              # the plain net
        [x := x + f(x).relu() for f in (first, second)][-1]         # after the plus
        [x := x + f(x) for f in (first, second)][-1]                # is missing
        (x + second(first(x))).relu()                               # not around both of them
        [x := (x - f(x)).relu() for f in (first, second)][-1]       #  is right
        (x + first(x)).relu()                                       #  is right
    '''),
    'passengers(n, stride)': ('''
        sum(any(0 <= m + row < n for m in range(0, n, stride)) for row in (-1, 0, 1))**2
        len({row for m in range(0, n, stride) for row in (-1, 0, 1) if 0 <= m + row < n})**2
        (1 + (n > stride) + any(m + 1 < n for m in range(0, n, stride)))**2
        1 if n == 1 else 9 if n > stride else 4
        sum((F.conv2d(torch.ones(1, 1, n, n), torch.eye(9)[k].view(1, 1, 3, 3), stride=stride, padding=1) > 0).any().item() for k in range(9))
    ''', '''
        sum(any(0 <= m + row < n for m in range(0, n, stride)) for row in (-1, 0, 1))   # the window has as many columns
        9                                                                               # hang over the rim
        1 if n == 1 else 9                                                              # the stride matters
        min(n, 3)**2                                                                    #  is right
        9/stride**2                                                                     #  is right
        4 if n == 1 else 9                                                              #  is right
    '''),
    # Lesson 10
    'chain': ('''
        42
        3*2*7
        42.
        2*(3*2 + 1)*3
        torch.tensor(42.)
    ''', '''
        14                   # three times as fast
        12                   # y is 7 there
        17                   # multiply
        49                   # the value of z
        42.2                 # whole number
        21                   # too small
    '''),
    'weight gradient(x, grad)': ('''
        x.T @ grad
        (grad.T @ x).T
        torch.einsum('ni,no->io', x, grad)
        (x[:, :, None]*grad[:, None]).sum(0)
        x.numpy().T @ grad.numpy()
        sum(torch.outer(a, b) for a, b in zip(x, grad))
        [[(x[:, i]*grad[:, o]).sum() for o in range(grad.shape[1])] for i in range(x.shape[1])]
        by_a_loop(x.T, grad)
        torch.autograd.grad(x @ (w := torch.zeros(x.shape[1], grad.shape[1], requires_grad=True)), w, grad)[0]
    ''', '''
        grad.T @ x                                   # inputs and outputs have changed places
        x.T @ grad/len(x)                            # divided by the number of pictures already
        x[:, :, None]*grad[:, None]                  # a weight collects
        -(x.T @ grad)                                # the sign is wrong
        x.T @ grad/5                                 # 0.2 times
        x @ grad.T                                   # RuntimeError
        x*grad                                       # RuntimeError
        x.T @ grad.sign()                            #  is right
        (x.T @ grad).sum(0)                          # in place of numbers of shape
        x[0][:, None]*grad[0]                        #  is right
    '''),
    'gate(x, grad)': ('''
        grad*(x > 0)
        grad*(x >= 0)
        torch.where(x > 0, grad, 0)
        grad[x < 0] = 0; grad
        grad.masked_fill(x <= 0, 0)
        np.where(x.numpy() > 0, grad.numpy(), 0)
        [[g if a > 0 else 0 for a, g in zip(*rows)] for rows in zip(x.tolist(), grad.tolist())]
        torch.autograd.grad(x.requires_grad_().relu(), x, grad)[0]
        grad*x.sign().clamp_min(0)
        grad*F.relu(x)/x
    ''', '''
        grad                                         # the kink is forgotten
        (x > 0).float()                              # the gate alone
        grad.clamp_min(0)                            # the sign of x
        grad*x.clamp_min(0)                          # multiplied by its value
        grad*(x < 0)                                 #  is right
        grad*x                                       #  is right
        grad*(grad > 0)                              # the sign of x
        x*(grad > 0)                                 #  is right
        grad[x > 0]                                  # in place of numbers of shape
        torch.where(x > 0, grad, 0.01*grad)          #  is right
    '''),
    'sigmoid backward(x, grad)': ('''
        grad*x.sigmoid()*(1 - x.sigmoid())
        p = x.sigmoid(); grad*(p - p**2)
        grad*x.sigmoid()*(-x).sigmoid()
        grad/(2 + x.exp() + (-x).exp())
        torch.autograd.grad(x.requires_grad_().sigmoid(), x, grad)[0]
        p = 1/(1 + np.exp(-x.numpy())); grad.numpy()*p*(1 - p)
        [[g*math.exp(-a)/(1 + math.exp(-a))**2 for a, g in zip(*rows)] for rows in zip(x.tolist(), grad.tolist())]
        x.sigmoid_(); grad.mul_(x).mul_(1 - x)
        grad*(1 - (x/2).tanh()**2)/4
    ''', '''
        x.sigmoid()*(1 - x.sigmoid())                # multiply it by what comes from the right
        grad*x*(1 - x)                               # the p in p(1 − p)
        grad*x.sigmoid()                             # that is the sigmoid itself
        grad*(1 - x.sigmoid())                       #  is right
        grad*x.sigmoid()**2                          #  is right
        grad.sigmoid()*(1 - grad.sigmoid())          #  is right
        grad*x.sigmoid()*(1 - x)                     #  is right
        -grad*x.sigmoid()*(1 - x.sigmoid())          # -1 times
        grad*(x > 0)                                 #  is right
    '''),
    'wiggle(f, x, eps)': ('''
        (f(x + eps) - f(x - eps))/(2*eps)
        (f(x + eps) - f(x - eps))/2/eps
        ((f(x + eps) - f(x))/eps + (f(x) - f(x - eps))/eps)/2
        np.diff([f(x - eps), f(x + eps)])[0]/(2*eps)
        up, down = f(torch.tensor(x + eps)), f(torch.tensor(x - eps)); (up - down)/(2*eps)
        sum(side*f(x + side*eps) for side in (-1, 1))/(2*eps)
        (f(torch.tensor(x, dtype=torch.float64) + eps) - f(x - eps))*0.5/eps
    ''', '''
        (f(x + eps) - f(x))/eps                      # to the right only
        (f(x) - f(x - eps))/eps                      # to the left only
        (f(x + eps) - f(x - eps))/eps                # 2·eps apart
        (f(x - eps) - f(x + eps))/(2*eps)            # above minus below
        f(x + eps) - f(x - eps)                      # for each unit of x
        (f(x + eps) - f(x - eps))/2*eps              #  is right
        (f(x + 1e-4) - f(x - 1e-4))/2e-4             #  is right
        (f(x + eps) + f(x - eps))/(2*eps)            #  is right
        torch.func.grad(f)(torch.tensor(x))          #  is right
        (f(x + eps) - f(x - eps))/(2*0.1)            #  is right
    '''),
    # Lesson 11
    'compared': ('''
        32, 32
        [32, 32]
        (torch.zeros(32) == torch.zeros(32, 1)).shape
        np.broadcast_shapes((32,), (32, 1))
        torch.Size([32, 32])
    ''', '''
        32, 1                # what its author hoped for
        (32,)                # missing axes are added on the left
        (1024,)              # the axes stay apart
        1, 32                # number at [0] is too small
        32                   # 2 numbers are wanted
        1024                 # 2 numbers are wanted
    '''),
    'never forgotten': ('''
        -0.6
        -0.1*(1 + 2 + 3)
        -3/5
        torch.tensor(-0.6)
        Fraction(-3, 5)
    ''', '''
        -0.3                 # if the gradients were forgotten
        0.6                  # the step is subtracted
        -0.7                 # it does not double
        -0.61                # close
        -6                   # too large
        0                    # too small
    '''),
    'which bug': ('''
        2
        2.
        int('2')
        np.array(2)
        torch.tensor(2)
    ''', '''
        1                    # compares each with all
        3                    # make up for each other
        4                    # all of one class
        5                    # pictures in both sets
        6                    # saturates
        7                    # ends in bug 1
        8                    # fair accuracy
        9                    # at a half
        10                   # too large
    '''),
    'column(labels)': ('''
        labels.unsqueeze(1)
        labels[:, None]
        labels.view(-1, 1)
        labels.reshape(len(labels), 1)
        labels.unsqueeze_(-1)
        labels.numpy()[:, np.newaxis]
        [[label] for label in labels.tolist()]
        labels[None].T
        torch.stack([label.view(1) for label in labels])
        [label[None] for label in labels]
    ''', '''
        labels                       # still a row
        labels.unsqueeze(1); labels  # still a row
        labels[None]                 # a row in a table of its own
        labels[:, None, None]        # one axis too many
        labels.T                     # still a row
        labels.view(7, 1)            # RuntimeError
        labels.view(-1, 1).sort(0)[0]   #  is right
        1 - labels[:, None]          #  is right
        F.one_hot(labels, 2)         # in place of numbers of shape
    '''),
    'rate for a sum(lr, bs)': ('''
        lr/bs
        lr*(1/bs)
        lr*bs**-1
        np.float64(lr)/bs
        torch.tensor(lr)/bs
        Fraction(lr)/bs
    ''', '''
        lr*bs                # the slopes of a sum are larger
        lr                   # the same rate
        lr/bs**0.5           # not by its root
        lr/256               #  is right
        bs/lr                #  is right
        lr - bs              #  is right
        lr//bs               #  is right
        lr/(bs - 1)          # ZeroDivisionError
        lr/bs**2             #  is right
    '''),
    # Lesson 12
    'first loss': ('''
        4.605
        4.61
        math.log(100)
        torch.tensor(100.).log()
        -np.log(0.01)
        F.cross_entropy(torch.zeros(8, 100), torch.arange(8))
        Decimal('4.6052')
    ''', '''
        math.log(10)         # a hundred
        0.01                 # minus its logarithm
        0.99                 # −log p
        2                    # to the base 10
        -math.log(100)       # minus that
        5                    # too large
        4.7                  # close
        4                    # too small
    '''),
    'softmax(scores)': ('''
        scores.softmax(1)
        e = (scores - scores.max(1, keepdim=True).values).exp(); e/e.sum(1, keepdim=True)
        e = np.exp(scores.numpy() - scores.numpy().max(1, keepdims=True)); e/e.sum(1, keepdims=True)
        (scores - scores.logsumexp(1, keepdim=True)).exp()
        torch.stack([row.softmax(0) for row in scores])
        [softmax_of(row) for row in scores.tolist()]
        scores.log_softmax(1).exp()
        scores -= scores.amax(1, keepdim=True); scores.exp_(); scores /= scores.sum(1, keepdim=True); scores
        1/(scores[:, None].double() - scores[:, :, None].double()).exp().sum(2)
    ''', '''
        scores.exp()/scores.exp().sum(1, keepdim=True)                              # Subtract the largest score
        e = (scores - scores.max()).exp(); e/e.sum(1, keepdim=True)                 # the largest score of all pictures
        e = (scores - scores.mean(1, keepdim=True)).exp(); e/e.sum(1, keepdim=True)   # far above what you subtract
        scores.softmax(0)                                                           # axis 1
        (scores - scores.amax(1, keepdim=True)).exp()                               # divided by their sum
        scores.log_softmax(1)                                                       # logarithm of the softmax
        scores/scores.sum(1, keepdim=True)                                          #  is right
        scores.sigmoid()                                                            #  is right
        F.one_hot(scores.argmax(1), scores.shape[1])                                #  is right
        e = (scores - scores.amin(1, keepdim=True)).exp() + 1; e/e.sum(1, keepdim=True)   # nan or infinity
        e = 2**(scores - scores.amax(1, keepdim=True)); e/e.sum(1, keepdim=True)    #  is right
        e = (scores - 500).exp(); e/e.sum(1, keepdim=True)                          # nan or infinity
    '''),
    'cross-entropy(scores, targets)': ('''
        -scores.log_softmax(1)[range(len(targets)), targets].mean()
        F.cross_entropy(scores, targets)
        F.nll_loss(scores.log_softmax(1), targets)
        -(F.one_hot(targets, scores.shape[1])*scores.log_softmax(1)).sum(1).mean()
        (scores.logsumexp(1) - scores.gather(1, targets[:, None])[:, 0]).mean()
        -scores.log_softmax(1).gather(1, targets[:, None]).mean()
        -sum(row.log_softmax(0)[t] for row, t in zip(scores, targets))/len(targets)
        a = scores.numpy(); np.mean(np.log(np.exp(a - a.max(1, keepdims=True)).sum(1)) + a.max(1) - a[np.arange(len(a)), targets])
        sum(math.log(sum(math.exp(o - row[t]) for o in row)) for row, t in zip(scores.tolist(), targets.tolist()))/len(targets)
    ''', '''
        F.nll_loss(scores, targets)                                                  #  is right
        -F.cross_entropy(scores, targets)                                            # the sign is wrong
        F.cross_entropy(scores, targets, reduction='sum')                            # that is the sum
        1 - scores.softmax(1).gather(1, targets[:, None]).mean()                     # the logarithm is missing
        -scores.softmax(1).gather(1, targets[:, None]).mean().log()                  # the mean of the logarithms
        -scores.log_softmax(1).mean()                                                # only the right class
        -scores.softmax(1).gather(1, targets[:, None]).log().mean()                  # a share can be so small
        -scores.log_softmax(0)[range(len(targets)), targets].mean()                  #  is right
        -scores.log_softmax(1)[:, targets].mean()                                    #  is right
        -scores.log_softmax(1)[range(6), targets].mean()                             # IndexError
        F.cross_entropy(scores, targets, reduction='none')                           # in place of a single number
        F.cross_entropy(scores.softmax(1), targets)                                  #  is right
    '''),
    'from the matrix(matrix)': ('''
        matrix.diagonal().sum()/matrix.sum()
        matrix.trace()/matrix.sum()
        torch.einsum('ii', matrix)/matrix.sum()
        np.trace(matrix.numpy())/np.sum(matrix.numpy())
        sum(matrix[i, i] for i in range(len(matrix)))/matrix.sum()
        sum(row[i] for i, row in enumerate(matrix.tolist()))/sum(map(sum, matrix.tolist()))
        (matrix*torch.eye(len(matrix))).sum()/matrix.sum()
    ''', '''
        matrix.diagonal().sum()                              # that is how many are right
        1 - matrix.diagonal().sum()/matrix.sum()             # share of the wrong ones
        matrix.diagonal().sum()/len(matrix)                  # by the number of classes
        (matrix.diagonal()/matrix.sum(1)).mean()             # accuracies
        (matrix.diagonal()/matrix.sum(0)).mean()             #  is right
        matrix.diagonal()/matrix.sum(1)                      # in place of a single number
        sum(matrix[i, i] for i in range(10))/matrix.sum()    # IndexError
        matrix[0, 0]/matrix.sum()                            #  is right
        matrix.diagonal().sum()//matrix.sum()                # nothing but zeros
        matrix.diagonal().mean()/matrix.mean()               # Error
    '''),
    'gap(certainty, right)': ('''
        (certainty.mean() - right.float().mean()).abs()
        abs(certainty.mean() - right.sum()/len(right))
        (certainty - right.float()).mean().abs()
        abs(np.mean(certainty.numpy()) - np.mean(right.numpy()))
        abs(sum(certainty.tolist())/len(certainty) - sum(right.tolist())/len(right))
        F.l1_loss(certainty.mean(), right.double().mean())
        torch.dist(certainty.mean(), right.float().mean())
    ''', '''
        certainty.mean() - right.float().mean()              # take the absolute value
        right.float().mean() - certainty.mean()              # is right
        (certainty - right.float()).abs().mean()             # Average first
        certainty.mean()                                     # subtract the share of right answers
        (certainty.mean() - right.float().mean())**2         #  is right
        (certainty.sum() - right.sum()).abs()                #  is right
        (certainty.mean() - right.mean()).abs()              # Error
        (certainty.mean() - right.sum()/20).abs()            #  is right
        (certainty.mean() - right.float().mean()).clamp_min(0)   #  is right
        (certainty[right].mean() - right.float().mean()).abs()   #  is right
    '''),
    # Lesson 13
    'sampling': ('''
        0.03
        3e-2
        math.sqrt(0.9*0.1/100)
        Decimal('0.03')
        torch.tensor(0.0009).sqrt()
    ''', '''
        0.09                 # divide by n and take the root
        0.0009               # the root is missing
        0.3                  # a hundred of them
        0.003                # under the root
        3                    # too large
        0.031                # close
    '''),
    'deep parameters(sizes)': ('''
        sum(a*b + b for a, b in zip(sizes, sizes[1:]))
        sum((a + 1)*b for a, b in itertools.pairwise(sizes))
        sum(sizes[i]*sizes[i + 1] + sizes[i + 1] for i in range(len(sizes) - 1))
        popping(sizes)
        np.dot(np.array(sizes[:-1]) + 1, sizes[1:])
        s = torch.tensor(sizes); ((s[:-1] + 1)*s[1:]).sum()
        sum(p.numel() for a, b in zip(sizes, sizes[1:]) for p in torch.nn.Linear(a, b).parameters())
        sum(a*b for a, b in zip(sizes, sizes[1:])) + sum(sizes[1:])
    ''', '''
        sum(a*b for a, b in zip(sizes, sizes[1:]))               # the biases are missing
        sum(a*b for a, b in zip(sizes, sizes[1:])) + sum(sizes)  # the pixels have no bias
        math.prod(sizes)                                         # multiply neighbours
        sum(a*b + b for a, b in zip(sizes[:-1], sizes[1:-1]))    # the last layer is missing
        sum(a*b + a for a, b in zip(sizes, sizes[1:]))           #  is right
        sum(a*b + 1 for a, b in zip(sizes, sizes[1:]))           #  is right
        sizes[0]*sizes[1] + sizes[1] + sizes[1]*sizes[2] + sizes[2]   # IndexError
        sum(a*b + b for a, b in zip(sizes, sizes[2:]))           #  is right
        sum(sizes)                                               #  is right
    '''),
    'standard error(values)': ('''
        values.std()/len(values)**0.5
        values.std()/math.sqrt(values.numel())
        (values.var()/len(values)).sqrt()
        np.std(values.numpy(), ddof=1)/np.sqrt(len(values))
        statistics.stdev(values.tolist())/len(values)**0.5
        values -= values.mean(); ((values**2).sum()/(len(values) - 1)/len(values)).sqrt()
        values.std(correction=0)/(len(values) - 1)**0.5
    ''', '''
        values.std()                                     # spread of a single run
        values.std()/len(values)                         # not with n
        values.var()/len(values)**0.5                    # its root is wanted
        values.std(correction=0)/len(values)**0.5        # as std does without correction=0
        np.std(values.numpy())/len(values)**0.5          # as std does without correction=0
        values.std()/5**0.5                              #  is right
        values.var()/len(values)                         #  is right
        values.mean()/len(values)**0.5                   #  is right
        values.std()/(len(values) - 1)**0.5              #  is right
        values/len(values)**0.5                          # in place of a single number
    '''),
    'wins(a, b)': ('''
        (b[:, None] > a).float().mean()
        (b > a[:, None]).float().mean()
        torch.gt(b.view(-1, 1), a).sum()/(len(a)*len(b))
        np.mean(b.numpy()[:, None] > a.numpy())
        sum(y > x for x in a for y in b)/(len(a)*len(b))
        sum(y > x for x, y in itertools.product(a.tolist(), b.tolist()))/len(a)/len(b)
        pairs = torch.cartesian_prod(a, b); (pairs[:, 1] > pairs[:, 0]).double().mean()
        (torch.outer(torch.ones_like(b), a) < b[:, None]).float().mean()
    ''', '''
        (b > a).float().mean()                       # all pairs are wanted
        (a[:, None] > b).float().mean()              # how often a wins
        (b[:, None] >= a).float().mean()             # a tie is not a win
        (b[:, None] > a).sum()                       # that is how many pairs
        (b[:, None] > a).sum()/100                   #  is right
        (b.mean() > a.mean()).float()                #  is right
        (b[:, None] > a).float().mean(1)             # in place of a single number
        ((b[:, None] > a).float() + (b[:, None] == a).float()/2).mean()   #  is right
        (b[:, None] - a).mean()                      #  is right
    '''),
    'accident(a, b)': ('''
        (b.mean() - a.mean())/(a.var()/len(a) + b.var()/len(b)).sqrt()
        (b.mean() - a.mean())/math.sqrt(a.var()/len(a) + b.var()/len(b))
        (b.mean() - a.mean())/torch.hypot(a.std()/len(a)**0.5, b.std()/len(b)**0.5)
        a, b = a.numpy(), b.numpy(); (b.mean() - a.mean())/np.sqrt(a.var(ddof=1)/len(a) + b.var(ddof=1)/len(b))
        mean, var = statistics.mean, statistics.variance; a, b = a.tolist(), b.tolist(); (mean(b) - mean(a))/math.sqrt(var(a)/len(a) + var(b)/len(b))
        -(a.mean() - b.mean())/(a.var()/len(a) + b.var()/len(b))**0.5
    ''', '''
        (a.mean() - b.mean())/(a.var()/len(a) + b.var()/len(b))**0.5         # b minus a
        (b.mean() - a.mean())/(a.var() + b.var())**0.5                       # in units of a single run
        (b.mean() - a.mean())/(a.std()/len(a)**0.5 + b.std()/len(b)**0.5)    # do not add up
        (b.mean() - a.mean())/(a.var()/len(a) + b.var()/len(b))              # the root is missing
        b.mean() - a.mean()                                                  # compared with its standard error
        (b.mean() - a.mean())/((a.var() + b.var())/5)**0.5                   #  is right
        (b.mean() - a.mean()).abs()/(a.var()/len(a) + b.var()/len(b))**0.5   #  is right
        (b.mean() - a.mean())/(a.var(correction=0)/len(a) + b.var(correction=0)/len(b))**0.5   #  is right
        (b - a).mean()/((b - a).var()/len(a))**0.5                           #  is right
        (b.mean() - a.mean())/a.std()                                        #  is right
    ''')}


def by_a_loop(x, weights):
    "A matrix product of three loops, each sum rounded to float32 at every step"
    x, weights, out = x.numpy(), weights.numpy(), np.zeros((len(x), weights.shape[1]), np.float32)
    for i, j, k in itertools.product(*map(range, out.shape), range(len(weights))): out[i, j] += x[i, k]*weights[k, j]
    return torch.tensor(out)


def by_backward(x, lr, forget=True):
    "Two steps of descent on x⁴"
    x.requires_grad_()
    for _ in range(2):
        (x**4).sum().backward()
        with torch.no_grad(): x -= lr*x.grad
        if forget: x.grad = None
    return x


def by_an_optimizer(x, lr):
    x = torch.nn.Parameter(x)
    optimizer = torch.optim.SGD([x], lr=lr)
    for _ in range(2):
        optimizer.zero_grad()
        (x**4).sum().backward()
        optimizer.step()
    return x


def descended(x, slope, lr, n):
    for _ in range(n): x = x - lr*slope(x)
    return x


def running(grads, beta):
    average = 0
    for grad in grads: average = beta*average + (1 - beta)*grad
    return average


def softmax_of(row):
    shares = [math.exp(score - max(row)) for score in row]
    return [share/sum(shares) for share in shares]


def popping(sizes):
    "The parameters of a net, whose list of sizes is empty afterwards"
    total, n_in = 0, sizes.pop(0)
    while sizes: total, n_in = total + (n_in + 1)*sizes[0], sizes.pop(0)
    return total


def answer_of(given, row):
    "What a learner would hand in: a value, or a function of the inputs that `given` names"
    *statements, result = row.split('; ')
    if not given: return eval(row, globals())
    names = {}
    exec(f'def answer({given[:-1]}):\n' + ''.join(f'    {o}\n' for o in statements) + f'    return {result}\n',
         globals(), names)
    return names['answer']


def rows(which):
    "Name, inputs and a line for each right (0) or wrong (1) row of the table"
    for exercise, tables in ANSWERS.items():
        name, _, given = exercise.partition('(')
        yield from (pytest.param(name, given, row.strip(), id=f'{name}: {row.strip()}')
                    for row in tables[which].strip().splitlines())


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize('name, given, row', [*rows(0)])
def test_right_answers_are_right(name, given, row, seed):
    assert check(name, answer_of(given, row), seed) == (True, 'Right.')


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize('name, given, row', [*rows(1)])
def test_wrong_answers_are_told_why(name, given, row, seed):
    row, says = row.split('  # ')
    verdict = check(name, answer_of(given, row.strip()), seed)
    assert not verdict and says in verdict.message, verdict


def test_five_answers_of_each_kind_for_every_exercise():
    assert [name.partition('(')[0] for name in ANSWERS] == [*EXERCISES]
    assert all(len(table.strip().splitlines()) >= 5 for tables in ANSWERS.values() for table in tables)


# What people hand in by accident, or to see what happens: none of it may end in anything but a sentence.
def raises(error):
    def answer(*inputs): raise error
    return answer


class Unprintable(Exception):
    def __str__(self): raise ValueError('no words')


class Pretends:
    "Says that it is a tensor"
    __class__ = torch.Tensor


class Refuses(torch.Tensor):
    "A tensor on which nothing can be computed"
    @classmethod
    def __torch_function__(cls, *args, **kwargs): raise RuntimeError('not with me')


class Broken:
    def __array__(self, *args, **kwargs): raise SystemExit
    def __len__(self): return -1
    def __float__(self): raise ArithmeticError


def nested(depth):
    out = 1.
    for _ in range(depth): out = [out]
    return out


def itself():
    out = []
    out.append(out)
    return out


ODD_VALUES = {
    'nothing': lambda: None, 'a string': lambda: '0.5', 'bytes': lambda: b'5', 'a bytearray': lambda: bytearray(3),
    'a set': lambda: {1, 2}, 'a dictionary': lambda: {'a': 1}, 'its keys': {1: 2}.keys,
    'a generator': lambda: (i for i in range(3)),
    'one without an end': itertools.count, 'a map': lambda: map(float, [1, 2]), 'a range': lambda: range(3),
    'a type': lambda: int,
    'a module': lambda: math, 'an exception': lambda: ValueError('a'), 'not implemented': lambda: NotImplemented,
    'dots': lambda: ...,
    'a complex number': lambda: 1j, 'a huge number': lambda: 10**400, 'a large number': lambda: 10**30,
    'not a number': lambda: math.nan,
    'infinity': lambda: -math.inf, 'a fraction': lambda: Fraction(1, 3), 'a decimal': lambda: Decimal('sNaN'),
    'a date': lambda: np.datetime64('2026-01-01'),
    'an empty list': list, 'empty lists': lambda: [[], []], 'a ragged list': lambda: [[1, 2], [3]],
    'a list of strings': lambda: ['a', 1],
    'a list of nothing': lambda: [None]*3, 'a deep list': lambda: nested(40),
    'a very deep list': lambda: nested(5_000), 'a list in itself': itself,
    'a list of tensors': lambda: [torch.ones(2), torch.ones(3)], 'mixed': lambda: [torch.ones(1), np.ones(1), [1]],
    'a list of sparse': lambda: [torch.eye(2).to_sparse()],
    'an object array': lambda: np.array([1, None]), 'an array of strings': lambda: np.array(['a']),
    'a record': lambda: np.zeros(2, [('a', 'f4')]),
    'a masked array': lambda: np.ma.masked_all(3), 'long doubles': lambda: np.ones(3, np.longdouble),
    'a read-only array': lambda: np.broadcast_to(1., (2, 3)),
    'a huge array': lambda: np.broadcast_to(1., (10**6, 10**6)), 'a reversed array': lambda: np.arange(3)[::-1],
    'a matrix': lambda: np.ones((2, 2)).view(np.matrix),
    'sparse': lambda: torch.eye(3).to_sparse(), 'compressed': lambda: torch.eye(3).to_sparse_csr(),
    'quantized': lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
    'complex': lambda: torch.ones(3)*1j, 'conjugated': lambda: (torch.ones(3)*1j).conj().imag,
    'meta': lambda: torch.ones(3, device='meta'),
    'nested': lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    'jagged': lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    'huge': lambda: torch.ones(1).expand(10**6, 10**6), 'empty': lambda: torch.ones(0, 3),
    'of 64 axes': lambda: torch.ones([1]*64), 'half': lambda: torch.ones(3).half(),
    'eight bits': lambda: torch.ones(3).to(torch.float8_e4m3fn), 'booleans': lambda: torch.ones(3, dtype=torch.bool),
    'unsigned': lambda: torch.ones(3, dtype=torch.uint64),
    'a parameter': lambda: torch.nn.Parameter(torch.ones(3)), 'refuses': lambda: torch.ones(3).as_subclass(Refuses),
    'pretends': Pretends, 'broken': Broken,
    'a module of torch': lambda: torch.nn.ReLU(), 'a size': lambda: torch.Size([3]),
    'a type of torch': lambda: torch.float32, 'a device': lambda: torch.device('cpu')}
ODD_FUNCTIONS = {
    'no argument': lambda: 1, 'any': lambda *inputs: inputs, 'too many': lambda a, b, c, d, e, f: 1,
    'by name': lambda *, x: x, 'the first': lambda *inputs: inputs[0],
    'a class': Broken, 'an int': int, 'print': print, 'len': len, 'a module': torch.nn.Linear(3, 2),
    'a bound method': [].append, 'exec': exec, 'iter': iter,
    'leaves': sys.exit, 'interrupts': raises(KeyboardInterrupt), 'exits': raises(SystemExit(0)),
    'ends a generator': raises(GeneratorExit), 'stops': raises(StopIteration),
    'asserts': raises(AssertionError), 'no memory': raises(MemoryError), 'times out': raises(TimeoutError),
    'unprintable': raises(Unprintable()), 'long': raises(ValueError('a '*10**6)),
    'syntax': raises(SyntaxError('a', (1, 2, 3, 4))), 'a group': raises(KeyError({})),
    'recursive': lambda *inputs: ODD_FUNCTIONS['recursive'](*inputs),
    'recursive in C': lambda *inputs: [*map(ODD_FUNCTIONS['recursive in C'], *([o] for o in inputs))],
    'prints': lambda *inputs: print(*inputs, end=''),
    'a generator': lambda *inputs: (yield 1), 'seeds': lambda *inputs: torch.manual_seed(1) and torch.rand(3),
    'no gradients': lambda *inputs: torch.set_grad_enabled(False) and None,
    'random': lambda *inputs: torch.rand(3),
    'closes': lambda *inputs: [o.resize_(0) for o in inputs if isinstance(o, torch.Tensor)],
    'deletes': lambda *inputs: [o.clear() for o in inputs],
    'a future': lambda *inputs: practice.Future(), 'raises time is up': raises(RuntimeError(practice._TimeUp))}


@pytest.fixture
def odd_answers(request):
    "Every odd value, as a value or returned by a function, and every odd function"
    wants_function = callable(EXERCISES[request.param].solution)
    values = {kind: (lambda *inputs, make=make: make()) if wants_function else make()
              for kind, make in ODD_VALUES.items()}
    return request.param, {**values, **{f'function: {kind}': f for kind, f in ODD_FUNCTIONS.items()}}


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('odd_answers', ['broadcast', 'undecided', 'ink', 'deep parameters', 'wiggle'], indirect=True)
def test_odd_answers_end_in_a_verdict(odd_answers):
    name, answers = odd_answers
    state = torch.get_rng_state()
    for kind, answer in answers.items():
        verdict = check(name, answer)
        assert type(verdict) is Verdict and verdict.message and len(verdict.message) < 600, kind
        assert not verdict, (kind, verdict)
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled()


def test_answers_may_change_what_they_get_and_torchs_generator_stays():
    state = torch.get_rng_state()
    for answer in (lambda sizes: popping(sizes) + int(0*torch.rand(())),
                   lambda sizes: torch.manual_seed(3) and popping(sizes)):
        assert check('deep parameters', answer)
        assert torch.equal(torch.get_rng_state(), state)
    assert EXERCISES['deep parameters'].edges[0] == ([784, 28, 20, 1],)


def test_the_seed_draws_the_inputs():
    def drawn(seed):
        seen = []
        check('decay step', lambda w, grad, lr, wd: seen.append((w.tolist(), grad.tolist(), lr, wd)), seed)
        return seen
    assert drawn(0) == drawn(0) != drawn(1)
    assert {len(w) for w, *_ in drawn(0)} == {1, 2, 3, 4, 5}


def test_an_answer_without_an_end_is_stopped(monkeypatch):
    monkeypatch.setattr(practice, '_SECONDS', 0.1)
    rounds = [0]
    def endless(*inputs):
        while True: rounds[0] += 1
    class Endless:
        def __array__(self, *args, **kwargs): endless()
    assert 'never ends' in check('ink', endless).message and rounds[0]
    assert 'never ends' in check('ink', lambda x: time.sleep(3)).message
    assert 'never ends' in check('kinks', Endless()).message
    monkeypatch.undo()
    before = rounds[0]
    time.sleep(0.05)
    assert rounds[0] == before, 'the loop is over'
    assert check('ink', lambda x: x.mean((1, 2)))


def test_the_learner_can_interrupt(monkeypatch):
    def interrupt(*args): raise KeyboardInterrupt
    monkeypatch.setattr(practice, '_wait', interrupt)
    with pytest.raises(KeyboardInterrupt): check('ink', lambda x: x.mean((1, 2)))


def test_a_mistake_of_our_own_is_raised(monkeypatch):
    monkeypatch.setitem(EXERCISES, 'ink', EXERCISES['ink']._replace(inputs=lambda draw: 1/0))
    with pytest.raises(ZeroDivisionError): check('ink', lambda x: x)


def test_gradients_are_on_wherever_check_is_called():
    with torch.no_grad(), torch.inference_mode(): assert check('two steps', by_backward)


def test_float32_adds_the_inputs_without_rounding():
    draw = Draw(5)
    x, weights = draw.numbers(0, 1, 4, 784), draw.numbers(-2, 2, 784, 3)
    assert torch.equal((x @ weights).double(), x.double() @ weights.double())


@pytest.mark.parametrize('name', [name for name, o in EXERCISES.items() if o.inputs])
def test_each_right_answer_is_a_finite_number(name):
    exercise, draw = EXERCISES[name], Draw(7)
    for inputs in [*(exercise.inputs(draw) for _ in range(100)), *exercise.edges]:
        right = practice._run(exercise.solution, inputs)
        assert isinstance(right, torch.Tensor) and right.double().isfinite().all(), inputs
