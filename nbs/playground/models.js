// The four models of the playground, with the weights that nbs/playground.ipynb writes to models.json. No browser needed: tests run this under Node.

const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const floats = text => new Float32Array(bytes(text).buffer);

/** The weights and pictures of models.json, with their numbers unpacked. */
export function unpack(json) {
  return {
    means: json.means.map(floats),
    linear: {weights: floats(json.linear.weights), bias: json.linear.bias},
    relu: {w1: floats(json.relu.w1), b1: floats(json.relu.b1), w2: floats(json.relu.w2), b2: json.relu.b2},
    conv: {layers: json.conv.layers.map(o => ({...o, weights: floats(o.weights), bias: floats(o.bias)})), weights: floats(json.conv.weights), bias: json.conv.bias},
    pictures: {pixels: bytes(json.pictures.pixels), labels: json.pictures.labels},
  };
}

/** Picture number i as 784 numbers from 0 to 1. */
export const picture = (data, i) => Float32Array.from(data.pictures.pixels.subarray(784*i, 784*(i + 1)), o => o/255);

export const sigmoid = score => 1/(1 + Math.exp(-score));

function dot(a, b, from = 0) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]*b[from + i];
  return sum;
}

/** Lesson 2: the distance to each mean (RMSE), and the differences. */
export function closerMean(data, x) {
  const differences = data.means.map(mean => x.map((value, i) => value - mean[i]));
  return {distances: differences.map(d => Math.sqrt(dot(d, d)/d.length)), differences};
}

/** Lesson 4: one weight for each pixel. */
export function linear(data, x) {
  const {weights, bias} = data.linear;
  return {score: dot(x, weights) + bias, products: x.map((value, i) => value*weights[i])};
}

/** Lesson 7: thirty hidden units with ReLU. */
export function reluNet(data, x) {
  const {w1, b1, w2, b2} = data.relu;
  const hidden = Float64Array.from(b1, (bias, unit) => Math.max(0, dot(x, w1, 784*unit) + bias));
  return {score: dot(hidden, w2) + b2, votes: hidden.map((value, unit) => value*w2[unit])};
}

/** One convolution with ReLU; x holds `inputs` maps of size × size numbers. */
function convolve({weights, bias, inputs, outputs, kernel, stride, padding}, x, size) {
  const out = Math.floor((size + 2*padding - kernel)/stride) + 1, maps = new Float64Array(outputs*out*out);
  for (let o = 0, to = 0; o < outputs; o++) for (let r = 0; r < out; r++) for (let c = 0; c < out; c++, to++) {
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) for (let dr = 0; dr < kernel; dr++) {
      const row = r*stride + dr - padding;
      if (row < 0 || row >= size) continue;
      for (let dc = 0; dc < kernel; dc++) {
        const column = c*stride + dc - padding;
        if (column >= 0 && column < size) sum += x[(i*size + row)*size + column]*weights[((o*inputs + i)*kernel + dr)*kernel + dc];
      }
    }
    maps[to] = Math.max(0, sum);
  }
  return {maps, size: out};
}

/** Lesson 9, small: three convolutions, and a weight for each number that is left. */
export function convNet(data, x) {
  let at = {maps: x, size: 28}, first;
  for (const layer of data.conv.layers) {
    at = convolve(layer, at.maps, at.size);
    first ??= at;
  }
  return {score: dot(at.maps, data.conv.weights) + data.conv.bias, first};
}

/** A drawing, size × size numbers from 0 to 1, as MNIST has its digits: cropped, scaled to fit 20 × 20, centred by its mass. Null without ink. */
export function centre(ink, size) {
  let top = size, left = size, bottom = -1, right = -1;
  for (let r = 0; r < size; r++) for (let c = 0; c < size; c++) if (ink[r*size + c] > 0.3) {
    top = Math.min(top, r); bottom = Math.max(bottom, r); left = Math.min(left, c); right = Math.max(right, c);
  }
  if (bottom < 0) return null;
  const height = bottom - top + 1, width = right - left + 1, scale = Math.max(height, width)/20;
  const rows = Math.max(1, Math.round(height/scale)), columns = Math.max(1, Math.round(width/scale));
  const small = new Float32Array(rows*columns);
  let mass = 0, atRow = 0, atColumn = 0;
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
    const value = boxMean(ink, size, top + r*height/rows, top + (r + 1)*height/rows, left + c*width/columns, left + (c + 1)*width/columns);
    small[r*columns + c] = value;
    mass += value; atRow += r*value; atColumn += c*value;
  }
  const clip = (value, most) => Math.min(Math.max(Math.round(value), 0), most);
  const y = clip(13.5 - atRow/mass, 28 - rows), x = clip(13.5 - atColumn/mass, 28 - columns), out = new Float32Array(784);
  for (let r = 0; r < rows; r++) out.set(small.subarray(r*columns, (r + 1)*columns), (y + r)*28 + x);
  return out;
}

/** Mean of the numbers in a rectangle whose edges may cut through them. */
function boxMean(ink, size, top, bottom, left, right) {
  let sum = 0, area = 0;
  for (let r = Math.floor(top); r < Math.min(Math.ceil(bottom), size); r++) for (let c = Math.floor(left); c < Math.min(Math.ceil(right), size); c++) {
    const part = (Math.min(r + 1, bottom) - Math.max(r, top))*(Math.min(c + 1, right) - Math.max(c, left));
    sum += part*ink[r*size + c]; area += part;
  }
  return sum/area;
}
