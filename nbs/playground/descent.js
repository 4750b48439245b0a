// Lesson 3's roller coaster: twenty speeds, a parabola, and stochastic gradient descent with momentum.

/** Random numbers from 0 to 1 that are the same for the same seed (mulberry32, Tommy Ettinger). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0)/4294967296;
  };
}

/** Twenty measured speeds; `t` is the time in half rides from the middle, -1 to 1. */
export function measure(noise, seed = 42) {
  const next = random(seed), normal = () => Math.sqrt(-2*Math.log(1 - next()))*Math.cos(2*Math.PI*next());
  return Array.from({length: 20}, (_, time) => ({t: (time - 9.5)/9.5, speed: 0.75*(time - 9.5)**2 + 1 + noise*normal()}));
}

export const quadratic = ([a, b, c], t) => a*t*t + b*t + c;

/** Mean squared error of the parabola. */
export const loss = (params, points) => points.reduce((sum, {t, speed}) => sum + (quadratic(params, t) - speed)**2, 0)/points.length;

/** Slopes of `loss` for a, b and c. */
export function gradient(params, points) {
  const slopes = [0, 0, 0];
  for (const {t, speed} of points) {
    const twice = 2*(quadratic(params, t) - speed)/points.length;
    slopes[0] += twice*t*t; slopes[1] += twice*t; slopes[2] += twice;
  }
  return slopes;
}

/** Descent, one `step()` at a time, over batches in an order drawn anew each epoch. */
export class Descent {
  constructor(points, {lr, momentum, batch}, start = [40, 25, 40], seed = 1) {
    Object.assign(this, {points, lr, momentum, batch, next: random(seed), params: [...start], velocity: [0, 0, 0], order: []});
    this.path = [[...start]];
    this.losses = [loss(start, points)];
  }

  get diverged() { return !(this.losses.at(-1) < 1e9); }

  step() {
    if (!this.order.length) {
      this.order = [...this.points];
      for (let i = this.order.length - 1; i > 0; i--) {
        const j = Math.floor(this.next()*(i + 1));
        [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
      }
    }
    const slopes = gradient(this.params, this.order.splice(0, this.batch));
    this.velocity = this.velocity.map((v, i) => this.momentum*v + slopes[i]);
    this.params = this.params.map((p, i) => p - this.lr*this.velocity[i]);
    this.path.push([...this.params]);
    this.losses.push(loss(this.params, this.points));
  }
}
